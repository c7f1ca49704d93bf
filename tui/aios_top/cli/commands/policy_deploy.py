"""`aios-top policy deploy`: uploads, verifies, registers and binds a policy, and restarts what runs it when asked."""

import argparse
from pathlib import Path

from aios_top.bundle.load import load_bundle
from aios_top.cli.awaited import awaited
from aios_top.cli.confirm import confirm, refuse_when_read_only
from aios_top.cli.exits import CommandError
from aios_top.cli.installation import chosen
from aios_top.cli.outcome import tell
from aios_top.cli.progress import Progress
from aios_top.cli.wiring import PolicyFolders, open_session
from aios_top.engine.deploy import PATIENCE_SECONDS
from aios_top.engine.deploy_run import DECISION
from aios_top.model.deploy import Bundle, DeployState, DeployStep, StepStatus
from aios_top.model.span import length
from aios_top.shipped import shipped

_SETTLED = {StepStatus.DONE, StepStatus.FAILED, StepStatus.SKIPPED}


def run(args: argparse.Namespace) -> int:
    """Plan it, ask, go step by step and stop at the first that fails."""
    return awaited(_deploy(args))


async def _deploy(args: argparse.Namespace) -> int:
    installation = chosen(args)
    refuse_when_read_only(installation.options.read_only)
    path = Path(args.folder) if args.folder else shipped("policy")
    steps = _Steps()
    async with open_session(installation, bundles=_Overridden(args)) as session:
        await session.refresh()
        plan = await session.plan_deploy(str(path), args.block, args.restart)
        name = args.block[0] if args.block else plan.title
        confirm(plan, yes=args.yes, typed=name if installation.options.production else None, trust=args.trust_urls)
        state = await session.run_deploy(plan, steps.show)
    steps.show(state)
    if state.outcome is None:
        raise CommandError("the deploy ended without an outcome; look at aios-top audit show")
    return tell(state.outcome)


class _Overridden(PolicyFolders):
    """Loads a bundle with the record and the version of the command line."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._registration = Path(args.registration) if args.registration else None
        self._version: str | None = args.policy_version

    def load(self, path: str) -> Bundle:
        """Return the checked bundle of a folder or an archive."""
        return load_bundle(Path(path), self._registration, self._version)


class _Steps:
    """Prints each step once when it ends, and shows the running one as progress."""

    def __init__(self) -> None:
        self._told: set[str] = set()
        self._announced: set[str] = set()
        self._progress = Progress()

    def show(self, state: DeployState) -> None:
        """Tell what is new."""
        for number, step in enumerate(state.steps):
            if step.status in _SETTLED and step.name not in self._told:
                self._told.add(step.name)
                detail = f": {step.detail}" if step.detail else ""
                self._progress.say(f"  {step.status.value:<8} {step.name}{detail}")
            elif step.status is StepStatus.RUNNING:
                self._announce(step)
                self._progress.draw(number, len(state.steps), f"{step.name} {step.detail}")
        if state.outcome is not None:
            self._progress.clear()

    def _announce(self, step: DeployStep) -> None:
        """Say once that the long wait has begun, also where no progress line can be drawn."""
        if step.name == DECISION and step.name not in self._announced:
            self._announced.add(step.name)
            self._progress.say(f"  waiting  {step.name}: up to {length(PATIENCE_SECONDS)}; what was deployed stays")
