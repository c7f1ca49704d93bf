"""What the engine can tell at once, put into the view: of the present, or of the moment of the past that is shown."""

from msgspec.structs import replace

from aios_top.console.ports import Cockpit
from aios_top.console.view import Page, ViewState
from aios_top.model.lint import LintReport
from aios_top.model.lint_facts import Facts
from aios_top.model.lints import lint
from aios_top.model.moment import Moment
from aios_top.model.state import FleetState


def informed(view: ViewState, cockpit: Cockpit, moment: Moment | None, now: float) -> ViewState:
    """Return the view with everything that can be told without asking AIOS; `moment` is None in the present."""
    gate = cockpit.gate
    return replace(
        view,
        writable=gate.writable and moment is None,
        read_only=gate.read_only,
        production=cockpit.production,
        load=cockpit.load_state() if moment is None else moment.load,
        deploy=cockpit.deploy_state() if moment is None else moment.deploy,
        shadow=cockpit.shadow_state() if moment is None else None,
        lint=_found(view, cockpit) if moment is None else _found_then(view, moment.state),
        audit=tuple(cockpit.audit_entries() if moment is None else moment.audit),
        recording=cockpit.recording(),
        now=now,
    )


def _found(view: ViewState, cockpit: Cockpit) -> LintReport | None:
    """Return what is known to be wrong with the selected block; looking costs requests, so only on its page."""
    if view.page is not Page.POLICY or view.block_id is None:
        return view.lint
    return cockpit.lint_report(view.block_id)


def _found_then(view: ViewState, state: FleetState) -> LintReport | None:
    """Return what the records of a moment alone show to be wrong: nobody is asked from the past."""
    block = view.block(state)
    if view.page is not Page.POLICY or block is None:
        return None
    if view.lint is not None and (view.lint.block_id, view.lint.at) == (block.block_id, state.at):
        return view.lint
    return lint(Facts(block, state.policies or None, reach=state.reach), state.at)
