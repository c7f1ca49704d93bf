"""The command that explains a decision."""

from aios_top.console.dialogs.explanation import ExplanationDialog
from aios_top.console.ports import Console
from aios_top.console.widgets.decisions import shown_decisions
from aios_top.model.decision import Decision
from aios_top.model.state import BlockState


async def explain(console: Console) -> None:
    """Explain the selected decision, else the newest one of the selected block."""
    name, decision = _chosen(console)
    if name is None:
        console.toast("No block is selected; 1 shows them all.")
        return

    past = console.view.travel is not None

    def look() -> BlockState | None:
        held = past or console.view.paused
        return (console.state if held else console.cockpit.latest()).blocks.get(name)

    def now() -> float:
        return console.state.at if past else console.cockpit.now()

    await console.ask(ExplanationDialog(look, now, decision))


def _chosen(console: Console) -> tuple[str | None, Decision | None]:
    """Return the block and the decision; without a selected one the newest is followed."""
    view = console.view
    if view.decision is None:
        return view.block_id, None
    entries = shown_decisions(console.state, view)
    if not entries:
        return view.block_id, None
    return entries[min(view.decision, len(entries) - 1)]
