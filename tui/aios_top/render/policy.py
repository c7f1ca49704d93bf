"""A block's policy on one page: bound, registered, running; its parameters; the deploy under way."""

from collections.abc import Mapping
from typing import Any

from aios_top.model.command import command
from aios_top.model.deploy import DeployState
from aios_top.model.lint import Level, LintReport
from aios_top.model.lint_facts import Facts
from aios_top.model.policy_state import ForcedScale, Voice
from aios_top.model.shadow import ShadowState
from aios_top.model.span import span
from aios_top.model.state import BlockState, FleetState
from aios_top.model.text import clean
from aios_top.model.versions import previous
from aios_top.render.cells import BLANK, Cell, Role, Row, clip, fit, row, ruled
from aios_top.render.deploy import deploy_rows
from aios_top.render.lint import lint_rows, lint_summary
from aios_top.render.numbers import count
from aios_top.render.policy_parameters import parameter_rows
from aios_top.render.shadow import shadow_section
from aios_top.render.verification import verification_rows
from aios_top.render.wrap import labelled, wrap

_LABELS = 12
_ERRORS_ABOVE = 2
"""Errors that are named above the parameters; every finding stands below them."""
_VOICES = {
    Voice.FULL: ("explains its decisions", Role.OK),
    Voice.SILENT: ("tells nothing: decisions and cooldown are inferred (~)", Role.WARN),
    Voice.ABSENT: ("no autoscaler policy is bound: D deploys one", Role.WARN),
    Voice.UNREACHABLE: ("its autoscaler does not answer", Role.BAD),
    Voice.UNASKED: ("not asked yet", Role.DIM),
}


def policy_rows(
    state: FleetState,
    block: BlockState | None,
    deploy: DeployState | None,
    columns: int,
    report: LintReport | None = None,
    draft: Mapping[str, Any] | None = None,
    shadow: ShadowState | None = None,
) -> list[Row]:
    """Return the page below its title; a deploy stands first while there is one."""
    rows = [] if deploy is None else [*deploy_rows(deploy, columns), ruled((_name(block),), columns)]
    if block is None:
        return [*rows, row(Cell(" no block is selected: 1 shows them all", Role.DIM)), *_registry(state, columns)]
    facts = Facts(block, state.policies or None, reach=state.reach)
    return [
        *rows,
        *_identity(state, block, columns),
        *verification_rows(block, columns, _LABELS),
        *_status(block, columns),
        *(_lints(report, columns) if facts.bound else []),
        *parameter_rows(facts, draft or {}, columns),
        *_findings(report, columns),
        *shadow_section(block, shadow, columns),
        *_others(state, block, columns),
        *_registry(state, columns, block),
    ]


def policy_title(block: BlockState | None, deploy: DeployState | None) -> Cell:
    """Return what stands first on the page."""
    if deploy is None:
        return _name(block)
    return Cell(f"deploy {clean(deploy.uri)} to {clean(', '.join(deploy.block_ids) or 'no block')}", Role.TITLE)


def _name(block: BlockState | None) -> Cell:
    return Cell("policy" if block is None else f"policy of {block.block_id}", Role.TITLE)


def _identity(state: FleetState, block: BlockState, columns: int) -> list[Row]:
    report = block.policy
    words, role = _VOICES[report.voice]
    problem = f": {report.problem}" if report.problem else ""
    rows = [
        *labelled(" bound", _bound(block), columns, indent=_LABELS),
        *labelled(" registered", _registered(state, block), columns, indent=_LABELS),
        *labelled(" running", _running(block), columns, indent=_LABELS),
        *labelled(" speaks", f"{words}{problem}", columns, role, indent=_LABELS),
    ]
    difference = differs(block, state.reach)
    if difference:
        rows += labelled(" careful", difference, columns, Role.WARN, indent=_LABELS)
    return rows


def _bound(block: BlockState) -> str:
    reference = block.record.autoscaler if block.record else None
    if block.record is None:
        return "the block's record could not be read"
    return "none" if reference is None else str(reference.uri)


def _registered(state: FleetState, block: BlockState) -> str:
    """Return the registry record that the block's URI leads to."""
    reference = block.record.autoscaler if block.record else None
    if reference is None:
        return "-"
    records = [record for record in state.policies if record.uri == reference.uri]
    if not records:
        return "not in the registry as last read: a restart would find no policy"
    copies = f", {len(records)} records of this name (AIOS loads the first)" if len(records) > 1 else ""
    return f"{records[0].code}{copies}"


def _running(block: BlockState) -> str:
    report = block.policy
    if report.voice is not Voice.FULL:
        return "? (only the policy itself could say)"
    parts = [str(report.policy_name or "?"), str(report.policy_version or "?")]
    if report.code_sha256:
        parts.append(f"code sha256 {report.code_sha256[:12]}")
    if report.boot_id:
        parts.append(f"boot {report.boot_id[:8]}")
    if report.mode:
        parts.append(f"mode {report.mode}")
    return "  ".join(parts)


def differs(block: BlockState, reach: str = "") -> str:
    """Return a warning when the block's record names another policy than the one that runs; empty otherwise."""
    reference = block.record.autoscaler if block.record else None
    report = block.policy
    if reference is None or report.voice is not Voice.FULL or not report.policy_name:
        return ""
    name, _, version = reference.uri.partition(":")
    running_version = (report.policy_version or "").partition("-")[0]
    if name == report.policy_name and version.partition("-")[0] == running_version:
        return ""
    return (
        f"{report.policy_name} {report.policy_version} runs, {reference.uri} is bound: it takes effect when the "
        f"executor restarts ({command('policy', 'restart', '--block', block.block_id, reach=reach)})"
    )


def _status(block: BlockState, columns: int) -> list[Row]:
    """Return what holds the policy back or waits for it: a pause, a scaling that is queued, shadow mode."""
    rows: list[Row] = []
    paused, forced, mode = block.policy.paused, block.policy.forced, block.policy.mode
    if paused is not None:
        where = {"up": "scaling up", "down": "scaling down"}.get(paused.direction, "scaling up and down")
        reason = f": {paused.reason}" if paused.reason else ""
        text = f"{where} for {span(paused.remaining_seconds)} more{reason}; P resumes"
        rows += labelled(" paused", text, columns, Role.WARN, indent=_LABELS)
    if forced is not None:
        rows += labelled(" pending", _forced(forced), columns, Role.ACCENT, indent=_LABELS)
    if mode == "shadow":
        text = "it records its decisions and carries out none"
        rows += labelled(" shadow", text, columns, Role.WARN, indent=_LABELS)
    return rows


def _forced(forced: ForcedScale) -> str:
    what = f"+{forced.count}" if forced.count else f"remove {', '.join(forced.instance_ids) or '?'}"
    cooldown = ", whatever the cooldown" if forced.ignores_cooldown else ""
    reason = f": {forced.reason}" if forced.reason else ""
    return f"{what} at the next evaluation{cooldown}, forgotten after {span(forced.remaining_seconds)}{reason}"


def _lints(report: LintReport | None, columns: int) -> list[Row]:
    """Return how many findings there are, and the errors among them; all of them stand below."""
    if report is None:
        return labelled(" lints", "not looked yet", columns, Role.DIM, indent=_LABELS)
    role = Role.BAD if report.failed else Role.WARN if report.count(Level.WARNING) else Role.OK
    rows = labelled(" lints", lint_summary(report), columns, role, indent=_LABELS)
    for finding in report.findings[:_ERRORS_ABOVE]:
        if finding.level is Level.ERROR:
            rows += labelled("", f"\u2717 {finding.sentence}", columns, Role.BAD, indent=_LABELS)
    return rows


def _findings(report: LintReport | None, columns: int) -> list[Row]:
    if report is None or not (report.findings or report.not_checked):
        return []
    return [BLANK, ruled((Cell("lints", Role.TITLE),), columns), *lint_rows(report, columns)]


def _others(state: FleetState, block: BlockState, columns: int) -> list[Row]:
    """Return the block's policies beside its autoscaler, with what the registry knows of them."""
    policies = block.record.policies if block.record else {}
    rest = {name: entry for name, entry in policies.items() if name != "autoscaler"}
    if not rest:
        return []
    known = {str(entry.uri) for entry in state.policies}
    rows = [BLANK, ruled((Cell("other policies of the block", Role.TITLE),), columns)]
    for name, entry in rest.items():
        unknown = "" if str(entry.uri) in known or not state.policies else "  not in the registry"
        given = sum(map(len, (entry.parameters, entry.settings)))
        own = f"  {count(given, 'value')} of its own" if given else ""
        cells = (
            Cell(f" {fit(clean(name, 40), 22)} "),
            Cell(str(entry.uri), Role.ACCENT),
            Cell(own, Role.DIM),
            Cell(unknown, Role.WARN),
        )
        rows.append(Row(clip(cells, columns)))
    return rows


def _registry(state: FleetState, columns: int, block: BlockState | None = None) -> list[Row]:
    """Return every registered policy with the blocks that name it; the block's own and the one before are marked."""
    rows = [BLANK, ruled((Cell("registered policies", Role.TITLE),), columns)]
    if not state.policies:
        return [*rows, row(Cell(" none has been read yet", Role.DIM))]
    users: dict[str, list[str]] = {}
    for entry in state.blocks.values():
        if entry.record and entry.record.autoscaler:
            users.setdefault(entry.record.autoscaler.uri, []).append(str(entry.block_id))
    uris = list(dict.fromkeys(str(record.uri) for record in state.policies))
    bound = str(block.record.autoscaler.uri) if block and block.record and block.record.autoscaler else ""
    before = previous(bound, uris)
    for uri in uris:
        note = "B goes back to it; " if uri == before else ""
        used = note + (", ".join(users.get(uri, ())) or "no block")
        first, *others = wrap(used, max(10, columns - 41))
        mark, role = (">", Role.ACCENT) if uri == bound else (" ", Role.TEXT)
        rows.append(Row(clip((Cell(mark, role), Cell(f"{fit(uri, 38)} ", role), Cell(first, Role.DIM)), columns)))
        rows += [row(Cell(" " * 40), Cell(other, Role.DIM)) for other in others]
    return rows
