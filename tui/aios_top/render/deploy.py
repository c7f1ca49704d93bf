"""A deploy under way, or the last one: its steps and its end."""

from aios_top.model.change import Fate
from aios_top.model.deploy import DeployState, DeployStep, StepStatus
from aios_top.model.text import clean
from aios_top.render.cells import Cell, Role, Row, columns_of, row
from aios_top.render.gauge import fraction
from aios_top.render.wrap import labelled, wrap

_STEPS = {
    StepStatus.WAITING: ("·", Role.DIM),
    StepStatus.RUNNING: ("▸", Role.ACCENT),
    StepStatus.DONE: ("✓", Role.OK),
    StepStatus.FAILED: ("✗", Role.BAD),
    StepStatus.SKIPPED: ("-", Role.DIM),
}
_FATES = {Fate.DONE: Role.OK, Fate.FAILED: Role.BAD, Fate.REFUSED: Role.WARN, Fate.UNKNOWN: Role.BAD}


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
