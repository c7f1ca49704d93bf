"""The tables of a post-mortem: decisions with their reasons, what operators did, parameters, findings, provenance.

What stands beside a recording may come from anywhere: whatever is not what it should be is left out.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aios_top.model.decision import Action, Decision, Origin
from aios_top.model.report import BlockStory, DecisionRun
from aios_top.render.decisions import step_text, why
from aios_top.render.markup import Markup, element, joined
from aios_top.render.report_words import HOW, moment

MOST_ROWS = 400
_CLASSES = {Action.UP: "up", Action.DOWN: "down", Action.ERROR: "bad"}
_LEVELS = {"error": "bad", "warning": "warn"}
_FIGURES = {
    "compared": "what the policy compares",
    "thresholds": "limits",
    "reporting": "replicas reporting",
    "current": "replicas that exist",
    "desired": "replicas desired",
    "minimum": "minimum",
    "maximum": "maximum",
    "cooldown": "cooldown",
}

Entry = Mapping[str, Any]


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> Markup:
    """Return a table that scrolls by itself where it is wider than the page."""
    head = element("tr", *(element("th", name, scope="col") for name in heads))
    body = [element("tr", *(cell if _is_cell(cell) else element("td", cell) for cell in row)) for row in rows]
    return element(
        "div",
        element("table", element("caption", caption), element("thead", head), element("tbody", *body)),
        class_="scroll",
        tabindex=0,
        role="region",
        aria_label=caption,
    )


def decision_table(story: BlockStory) -> Markup:
    """Return the decisions; evaluations that held for one cause are one row."""
    if not story.decisions:
        return element("p", "No decision is known from that time.", class_="dim")
    left_out = max(0, len(story.decisions) - MOST_ROWS)
    more = f"; the {left_out} before are left out, 'aios-top export --what decisions' has them" if left_out else ""
    origins = {run.last.origin for run in story.decisions}
    heads: tuple[str, ...] = ("time", "decision", "replicas", "code", "reason", "known")
    rows = [_decision(run) for run in story.decisions[-MOST_ROWS:]]
    if len(origins) == 1:
        more = f"; all {next(iter(origins)).value}{more}"
        heads, rows = heads[:-1], [row[:-1] for row in rows]
    return table(f"Decisions of {story.block_id}, times in UTC{more}", heads, rows)


def provenance_table(story: BlockStory) -> Markup:
    """Return how each figure of a block is known."""
    rows = [
        (_FIGURES.get(name, name), element("td", origin.value, class_="word"), HOW[origin])
        for name, origin in story.origins.items()
        if origin is not Origin.UNKNOWN
    ]
    unknown = [_FIGURES.get(name, name) for name, origin in story.origins.items() if origin is Origin.UNKNOWN]
    more = [(", ".join(unknown), element("td", "unknown", class_="word"), HOW[Origin.UNKNOWN])] if unknown else []
    return table(f"How the figures of {story.block_id} are known", ("figure", "origin", "that is"), [*rows, *more])


def action_table(documents: Mapping[str, Any]) -> Markup:
    """Return what operators did, each with what came of it."""
    entries = list(_entries(documents.get("audit.json")))
    outcomes = {_part(entry, "fields").get("intent"): entry for entry in entries if entry.get("kind") == "outcome"}
    rows = [_action(entry, outcomes) for entry in entries if entry.get("kind") in {"intent", "refused"}]
    if not rows:
        return element("p", "Nobody changed anything through aios-top in that time.", class_="dim")
    return table("Changes by hand, times in UTC", ("time", "by", "what", "outcome", "answer"), rows)


def parameter_table(document: Entry) -> Markup | None:
    """Return a block's parameters as they were in force at the end, None where none are known."""
    parameters = _part(document, "parameters")
    values, source = _part(parameters, "in_force"), _part(parameters, "source")
    if not values:
        return None
    given_first = sorted(values.items(), key=lambda entry: source.get(entry[0]) == "default")
    rows = [
        (element("code", name), element("code", _value(value)), source.get(name, "")) for name, value in given_first
    ]
    origin = parameters.get("origin", "unknown")
    return table(f"Parameters in force at the end; origin: {origin}", ("parameter", "value", "set by"), rows)


def policy_facts(document: Entry, policies: Sequence[Entry]) -> Markup:
    """Return which policy a block is bound to, what runs, and the digests of the code."""
    block_id, bound = document.get("block_id"), _part(document, "policy")
    facts: list[tuple[str, object]] = [
        ("bound (declared)", bound.get("uri") or "no policy"),
        ("running (reported)", _running(bound)),
        ("running code", _digest(bound.get("code_sha256"))),
    ]
    for entry in policies:
        if block_id in (entry.get("blocks") or ()):
            facts.append(
                ("inspected code", joined(_digest(entry.get("code_sha256")), f" from {entry.get('from') or '?'}"))
            )
            if entry.get("problem"):
                facts.append(("not inspected", entry["problem"]))
            served, runs = entry.get("code_sha256"), bound.get("code_sha256")
            if served and runs:
                facts.append(("same code", "yes" if served == runs else "NO: what runs is not what was inspected"))
    for name, label in (("min_instances", "minInstances (declared)"), ("max_instances", "maxInstances (declared)")):
        if document.get(name) is not None:
            facts.append((label, document[name]))
    if document.get("component"):
        facts.append(("component", document["component"]))
    return element("dl", *(joined(element("dt", name), element("dd", value)) for name, value in facts))


def finding_list(document: Entry) -> Markup:
    """Return what the lints found for a block."""
    findings = list(_entries(document.get("findings")))
    if not findings:
        return element("p", "The lints found nothing wrong with how it is autoscaled.", class_="dim")
    items = [
        element(
            "li",
            element(
                "span", f"{found.get('level', '?')}: ", class_=f"strong {_LEVELS.get(str(found.get('level')), 'dim')}"
            ),
            f"{found.get('sentence', '')} ({found.get('code', '?')}) ",
            element("span", found.get("advice", ""), class_="dim"),
        )
        for found in findings
    ]
    unseen = len(list(_entries(document.get("not_checked"))))
    more = element("p", f"{unseen} of the lints had nothing to look at.", class_="dim") if unseen else None
    return joined(element("ul", *items), more or "")


def of_block(documents: Any, block_id: str) -> Entry:
    """Return a block's entry of a list of documents, an empty one where there is none."""
    return next((entry for entry in _entries(documents) if entry.get("block_id") == block_id), {})


def entries_of(documents: Any) -> list[Entry]:
    """Return the objects of a list; nothing where it is none."""
    return list(_entries(documents))


def _decision(run: DecisionRun) -> tuple[object, ...]:
    decision = run.last
    until = f"–{moment(decision.at)}" if run.count > 1 else ""
    times = f" ×{run.count}" if run.count > 1 else ""
    sign = "~" if decision.origin is Origin.INFERRED else ""
    word = element(
        "td", f"{sign}{decision.action.value}{times}", class_=f"word {_CLASSES.get(decision.action, '')}".strip()
    )
    numbers = why(decision)
    more = [] if numbers == decision.reason else [" ", element("span", numbers, class_="dim")]
    return (
        element("td", f"{moment(run.first_at)}{until}", class_="time"),
        word,
        element("td", _step(decision), class_="word"),
        decision.code,
        element("td", decision.reason, *more, class_="wide"),
        decision.origin.value,
    )


def _step(decision: Decision) -> str:
    step = step_text(decision)
    told = decision.confirmation
    return f"{step} {told}" if step and told and told != "n/a" else step


def _action(entry: Entry, outcomes: Mapping[Any, Entry]) -> tuple[object, ...]:
    fields = _part(entry, "fields")
    if entry.get("kind") == "refused":
        fate, message = "refused", fields.get("message") or fields.get("reason") or ""
    else:
        outcome = _part(outcomes.get(entry.get("seq"), {}), "fields")
        fate, message = outcome.get("fate") or "no outcome was recorded: not known", outcome.get("message") or ""
    style = "down" if fate == "done" else "bad" if fate in {"failed", "refused"} else "warn"
    at = str(entry.get("at") or "?").replace("T", " ").partition(".")[0]
    return (
        element("td", at, class_="time"),
        _who(fields),
        fields.get("title") or entry.get("kind") or "?",
        element("td", fate, class_=f"strong {style}"),
        message,
    )


def _who(fields: Entry) -> str:
    by = fields.get("by") or fields.get("who") or "?"
    return f"{by.get('user', '?')}@{by.get('host', '?')}" if isinstance(by, Mapping) else str(by)


def _running(bound: Entry) -> str:
    if not bound.get("name") and not bound.get("version"):
        return str(bound.get("note") or "not told")
    mode = f", {bound['mode']}" if bound.get("mode") else ""
    return f"{bound.get('name') or '?'} {bound.get('version') or '?'}{mode}"


def _digest(value: Any) -> Markup:
    return element("code", f"sha256 {value}" if value else "not known")


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _is_cell(cell: object) -> bool:
    return isinstance(cell, Markup) and cell.startswith(("<td", "<th"))


def _entries(value: Any) -> Iterator[Entry]:
    if isinstance(value, list | tuple):
        yield from (entry for entry in value if isinstance(entry, Mapping))


def _part(entry: Any, name: str) -> Entry:
    found = entry.get(name) if isinstance(entry, Mapping) else None
    return found if isinstance(found, Mapping) else {}
