"""Names: what somebody wrote and nothing reads, what overrides what, what does not last."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from aios_top.model.lint import Finding, NotChecked
from aios_top.model.lint_facts import READ_SETTINGS, TUTORIAL, Facts
from aios_top.model.schema import shown
from aios_top.model.span import length

_COOLDOWNS = {"scale_up_cooldown": "scale_up_cooldown_seconds", "scale_down_cooldown": "scale_down_cooldown_seconds"}
"""Names that the tutorial's own allocation file gives as settings, and what they mean."""


def ignored_parameters(facts: Facts) -> Iterator[Finding | NotChecked]:
    """Find parameters that the policy does not have."""
    told = facts.block.parameters
    if told is not None:
        names: Sequence[str] = told.unknown
    elif facts.known is not None:
        names = [name for name in facts.declared if name not in facts.known]
    else:
        names = [name for name in facts.declared if name not in TUTORIAL]
        if names:
            listed = ", ".join(map(shown, names))
            why = f"whether the policy reads {listed} is unknown: it tells nothing and has no schema"
            yield NotChecked("IgnoredParameter", why)
        return
    for name in names:
        yield Finding(
            "IgnoredParameter",
            f"parameter {shown(name)}{_given(facts.declared, name)} is ignored",
            "the policy has no such parameter and decides as if it were not there",
            _meant(facts, name, "parameters"),
        )


def ignored_settings(facts: Facts) -> Iterator[Finding]:
    """Find settings that neither AIOS's runner nor the policy reads."""
    told = facts.block.parameters
    names = told.unused_settings if told is not None else tuple(facts.settings.keys() - _read_settings(facts))
    for name in sorted(names):
        yield Finding(
            "IgnoredSetting",
            f"setting {shown(name)}{_given(facts.settings, name)} is ignored",
            _without(facts, str(name)),
            _meant(facts, str(name), "settings"),
        )


def overrides(facts: Facts) -> Iterator[Finding]:
    """Find registry values that stand over the block's own."""
    if facts.bound is None or not facts.registered:
        return
    record, bound = facts.registered[0], facts.bound
    for what, code, over, own in (
        ("parameters", "RegistryOverridesParameters", record.parameters, bound.parameters),
        ("settings", "RegistryOverridesSettings", record.settings, bound.settings),
    ):
        replaced = [name for name in over if name in own and own[name] != over[name]]
        if replaced:
            first = replaced[0]
            pairs = [f"{shown(name)}: block {shown(own[name])}, registry {shown(over[name])}" for name in replaced]
            yield Finding(
                code,
                f"the registry's {what} replace the block's: {'; '.join(pairs)}",
                f"{shown(first)} is {shown(over[first])} whatever the block says, for every block of {record.uri}",
                f"take {', '.join(map(shown, replaced))} out of the registry's policy_{what} (deploy the policy again)",
            )


def runtime_only(facts: Facts) -> Iterator[Finding]:
    """Find values that were set while the policy ran."""
    told = facts.block.parameters
    if told is None:
        return
    changed = [name for name, source in told.source.items() if source == "runtime"]
    if not changed:
        return
    after = {**told.defaults, **facts.declared}
    pairs = [
        f"{shown(name)} {shown(told.effective.get(name))}, after a restart {shown(after.get(name))}" for name in changed
    ]
    yield Finding(
        "RuntimeOnly",
        f"changed while running: {'; '.join(pairs)}",
        "the policy keeps it in memory: it is forgotten when the executor restarts, also when it was not you",
        "write the values into the block's policies.autoscaler.parameters",
    )


def _read_settings(facts: Facts) -> frozenset[str]:
    """Return the settings that something reads: AIOS's runner, or the policy by its registered schema."""
    schema = facts.registered[0].document.get("policy_settings_schema") if facts.registered else None
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    return READ_SETTINGS | frozenset(properties if isinstance(properties, Mapping) else ())


def _given(values: Mapping[str, Any], name: str) -> str:
    return f" = {shown(values[name])}" if name in values else ""


def _without(facts: Facts, name: str) -> str:
    """Say what is in force instead."""
    cooldown = facts.value("cooldown_seconds")
    if name in _COOLDOWNS and cooldown is not None:
        return f"AIOS reads only intervalSeconds there; the cooldown in force is {length(cooldown)}"
    return "AIOS's runner reads only intervalSeconds, and the policy does not read it either"


def _meant(facts: Facts, name: str, place: str) -> str:
    """Return the name that was probably meant."""
    known = list(TUTORIAL if facts.known is None else facts.known)
    wanted = _COOLDOWNS.get(name, name)
    if wanted in known:
        return f"give it as parameter {wanted}"
    if wanted in _COOLDOWNS.values():
        return "give the parameter cooldown_seconds, which counts for both directions"
    if place == "parameters" and name in READ_SETTINGS:
        return f"give it as a setting: policies.autoscaler.settings.{name}"
    close = get_close_matches(name, [*known, *READ_SETTINGS], n=1, cutoff=0.75)
    return f"did you mean {close[0]}?" if close else f"remove it from the block's {place}, or correct its name"


RULES = (ignored_parameters, ignored_settings, overrides, runtime_only)
