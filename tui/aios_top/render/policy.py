"""A block's policy on one page: bound, registered, running; its parameters; the deploy under way."""

from collections.abc import Mapping, Sequence
from typing import Any

from aios_top.model.change import Fate
from aios_top.model.deploy import DeployState, DeployStep, StepStatus
from aios_top.model.policy_state import ParameterReport, Voice
from aios_top.model.record import PolicyRecord
from aios_top.model.state import BlockState, FleetState
from aios_top.model.text import clean
from aios_top.render.cells import BLANK, Cell, Role, Row, clip, columns_of, fit, row, ruled
from aios_top.render.gauge import fraction
from aios_top.render.numbers import span
from aios_top.render.wrap import labelled, wrap

_LABELS = 12
_VOICES = {
    Voice.FULL: ("explains its decisions", Role.OK),
    Voice.SILENT: ("tells nothing: decisions and cooldown are inferred (~)", Role.WARN),
    Voice.ABSENT: ("no autoscaler policy is bound: D deploys one", Role.WARN),
    Voice.UNREACHABLE: ("its autoscaler does not answer", Role.BAD),
    Voice.UNASKED: ("not asked yet", Role.DIM),
}
_STEPS = {
    StepStatus.WAITING: ("·", Role.DIM),
    StepStatus.RUNNING: ("▸", Role.ACCENT),
    StepStatus.DONE: ("✓", Role.OK),
    StepStatus.FAILED: ("✗", Role.BAD),
    StepStatus.SKIPPED: ("-", Role.DIM),
}
_FATES = {Fate.DONE: Role.OK, Fate.FAILED: Role.BAD, Fate.REFUSED: Role.WARN, Fate.UNKNOWN: Role.BAD}


def policy_rows(state: FleetState, block: BlockState | None, deploy: DeployState | None, columns: int) -> list[Row]:
    """Return the page below its title; a deploy stands first while there is one."""
    rows = [] if deploy is None else [*deploy_rows(deploy, columns), ruled((_name(block),), columns)]
    if block is None:
        return [*rows, row(Cell(" no block is selected: 1 shows them all", Role.DIM)), *_registry(state, columns)]
    return [*rows, *_identity(state, block, columns), *_parameters(block, columns), *_registry(state, columns)]


def policy_title(block: BlockState | None, deploy: DeployState | None) -> Cell:
    """Return what stands first on the page."""
    if deploy is None:
        return _name(block)
    return Cell(f"deploy {clean(deploy.uri)} to {clean(', '.join(deploy.block_ids) or 'no block')}", Role.TITLE)


def _name(block: BlockState | None) -> Cell:
    return Cell("policy" if block is None else f"policy of {block.block_id}", Role.TITLE)


def deploy_rows(deploy: DeployState, columns: int) -> list[Row]:
    """Return the steps of a deploy, what each found, and its end."""
    steps = enumerate(deploy.steps, start=1)
    rows = [line for number, step in steps for line in _step_rows(number, step, columns)]
    if deploy.outcome is None:
        return [*rows, row(Cell(" running; leaving this page does not stop it", Role.DIM))]
    fate = deploy.outcome.fate
    return [*rows, *labelled(f" {fate.value.upper()}", clean(deploy.outcome.message, 800), columns, _FATES[fate])]


def _step_rows(number: int, step: DeployStep, columns: int) -> list[Row]:
    glyph, role = _STEPS[step.status]
    head = [Cell(f" {glyph} {number} {step.name:<20} ", role)]
    if step.fraction is not None and step.status is StepStatus.RUNNING:
        return [row(*head, *fraction(step.fraction, 14, Role.ACCENT), Cell(f" {100 * step.fraction:.0f}%", Role.DIM))]
    word = step.detail or ("" if step.status is StepStatus.WAITING else step.status.value)
    indent = columns_of(head)
    first, *others = wrap(clean(word, 400), columns - indent)
    return [row(*head, Cell(first, Role.DIM)), *(row(Cell(" " * indent), Cell(line, Role.DIM)) for line in others)]


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
    difference = differs(block)
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


def differs(block: BlockState) -> str:
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
        f"executor restarts (aios-top policy restart --block {block.block_id})"
    )


def _parameters(block: BlockState, columns: int) -> list[Row]:
    told = block.parameters
    if told is None:
        return _declared(block, columns)
    name_columns = min(34, max((len(name) for name in told.effective), default=9) + 2)
    total = block.cooldown.total_seconds
    note = "" if total is None else f"  generation {told.generation}, cooldown {span(total)}"
    rows = [
        ruled((Cell("parameters in force, as the policy tells", Role.TITLE), Cell(note, Role.DIM)), columns),
        _line(("PARAMETER", "VALUE", "FROM", "DEFAULT"), name_columns, columns, Role.DIM),
    ]
    for name, value in told.effective.items():
        default = _value(told.defaults[name]) if name in told.defaults else ""
        source = clean(str(told.source.get(name, "?")), 20)
        role = Role.TEXT if source == "default" else Role.ACCENT
        rows.append(_line((clean(name, 60), _value(value), source, default), name_columns, columns, role))
    return [*rows, *_complaints(told, columns)]


def _declared(block: BlockState, columns: int) -> list[Row]:
    """Return what the record says, which nothing proves to be in force."""
    reference = block.record.autoscaler if block.record else None
    title = (Cell("parameters as declared", Role.TITLE), Cell("  nothing proves that they are in force", Role.DIM))
    if reference is None:
        return []
    entries: Mapping[str, Any] = {**reference.parameters, **reference.settings}
    if not entries:
        return [ruled(title, columns), row(Cell(" none: the policy's own defaults apply", Role.DIM))]
    width = min(34, max(len(name) for name in entries) + 2)
    rows = [
        _line((clean(name, 60), _value(value), "record", ""), width, columns, Role.TEXT)
        for name, value in entries.items()
    ]
    return [ruled(title, columns), *rows]


def _complaints(told: ParameterReport, columns: int) -> list[Row]:
    found = [
        ("refused", [f"{name}: {reason}" for name, reason in told.errors.items()], Role.BAD),
        ("unknown", list(told.unknown), Role.WARN),
        ("unused", list(told.unused_settings), Role.DIM),
    ]
    rows: list[Row] = []
    for label, entries, role in found:
        if entries:
            rows += labelled(f" {label}", clean(", ".join(entries), 600), columns, role, indent=_LABELS)
    return rows


def _line(texts: Sequence[str], name_columns: int, columns: int, role: Role) -> Row:
    name, value, source, default = texts
    cells = (
        Cell(f" {fit(name, name_columns)}", Role.DIM if role is Role.DIM else Role.TEXT),
        Cell(fit(value, 14), role),
        Cell(fit(source, 12), Role.DIM),
        Cell(default, Role.DIM),
    )
    return Row(clip(cells, columns))


def _value(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return clean(str(value), 40)


def _registry(state: FleetState, columns: int) -> list[Row]:
    """Return every registered policy and the blocks that name it."""
    rows = [BLANK, ruled((Cell("registered policies", Role.TITLE),), columns)]
    if not state.policies:
        return [*rows, row(Cell(" none has been read yet", Role.DIM))]
    users: dict[str, list[str]] = {}
    for block in state.blocks.values():
        if block.record and block.record.autoscaler:
            users.setdefault(block.record.autoscaler.uri, []).append(str(block.block_id))
    seen: dict[str, PolicyRecord] = {str(record.uri): record for record in state.policies}
    for uri in seen:
        used = ", ".join(users.get(uri, ())) or "no block"
        first, *others = wrap(used, max(10, columns - 41))
        rows.append(Row(clip((Cell(f" {fit(uri, 38)} "), Cell(first, Role.DIM)), columns)))
        rows += [row(Cell(" " * 40), Cell(other, Role.DIM)) for other in others]
    return rows
