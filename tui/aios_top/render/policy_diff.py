"""What differs: declared against running parameters, a draft against both, local against served code."""

from collections.abc import Iterator, Mapping
from difflib import unified_diff
from typing import Any

from aios_top.model.draft import same
from aios_top.model.lint_facts import Facts
from aios_top.model.policy_state import Voice
from aios_top.model.schema import shown
from aios_top.model.text import clean

LONGEST_LINE = 400
MOST_LINES = 4000
_ABSENT = object()


def differs(facts: Facts, draft: Mapping[str, Any] | None = None) -> bool:
    """Whether anything differs."""
    return bool(list(_parameters(facts, draft or {})) or list(_code(facts)))


def diff_lines(facts: Facts, draft: Mapping[str, Any] | None = None) -> list[str]:
    """Return the differences as lines of a unified diff, each part with what could not be compared."""
    if facts.block.policy.voice is Voice.ABSENT:
        return ["  nothing to compare: the block has no autoscaler policy; aios-top policy deploy binds one"]
    lines = list(_parameters(facts, draft or {})) or [_no_parameters(facts)]
    code = list(_code(facts))[:MOST_LINES]
    return [*_heads(facts, draft), *lines, "", *(code or _no_code(facts))]


def _heads(facts: Facts, draft: Mapping[str, Any] | None) -> list[str]:
    told = "running" if facts.block.parameters is not None else "assumed (the policy does not tell what runs)"
    return [f"--- {told}", f"+++ {'draft' if draft else 'declared (block, overlaid by the registry)'}"]


def _parameters(facts: Facts, draft: Mapping[str, Any]) -> Iterator[str]:
    """Yield a pair of lines for each parameter that differs; names that the policy lacks stand on one side only."""
    wanted = draft or {**(facts.known or {}), **facts.declared}
    for name, value in wanted.items():
        now = facts.in_force.get(name, _ABSENT) if facts.block.parameters is not None or draft else value
        if now is _ABSENT:
            yield f"+{shown(name)} = {shown(value)}    (the policy has no such parameter)"
        elif not same(now, value):
            yield f"-{shown(name)} = {shown(now)}"
            yield f"+{shown(name)} = {shown(value)}"


def _no_parameters(facts: Facts) -> str:
    """Say why there is no difference of parameters."""
    if facts.block.parameters is None:
        return "  parameters: cannot be compared, since nothing tells what runs"
    return "  parameters: what is declared is what runs"


def _code(facts: Facts) -> Iterator[str]:
    served = facts.served.code if facts.served else None
    if served is None or facts.local is None or not facts.served or served.problems:
        return
    for name, old, new in (
        ("code/function.py", served.source.splitlines(), facts.local.source.splitlines()),
        ("code/requirements.txt", list(served.requirements), list(facts.local.requirements)),
    ):
        heads = (f"served {facts.served.address} {name}", f"local {facts.local_name} {name}")
        for line in unified_diff(old, new, *heads, lineterm=""):
            yield clean(line.replace("\t", "    "), LONGEST_LINE)


def _no_code(facts: Facts) -> list[str]:
    """Say why there is no difference of code."""
    if facts.served is None:
        return ["  code: the registered archive could not be asked for"]
    if facts.served.code is None or facts.served.code.problems:
        problems = facts.served.code.problems if facts.served.code else (facts.served.problem or "no answer",)
        return [f"  code: {clean(facts.served.address, 200)}: {clean('; '.join(problems), 300)}"]
    if facts.local is None:
        return ["  code: there is no local policy of this uri; name one with --policy PATH (in the console :diff PATH)"]
    return [f"  code: {facts.local_name} is what is served, sha256 {facts.local.code_sha256[:12]}"]
