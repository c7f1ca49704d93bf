"""The end of a command: one line that says what became of it, and the exit code."""

import sys

from aios_top.cli.exits import DONE, FAILED
from aios_top.model.change import Fate, Outcome
from aios_top.model.state import FleetState, Link

_NEEDED = "metrics"
"""Without this service nothing is known of any replica."""


def tell(outcome: Outcome) -> int:
    """Print an outcome: what was done on standard output, everything else on standard error."""
    line = f"{outcome.fate.value}: {outcome.message}"
    print(line, file=sys.stdout if outcome.fate is Fate.DONE else sys.stderr)
    return outcome.exit_code


def link_problem(state: FleetState) -> str | None:
    """Return why AIOS's metrics could not be read and what to check, None when they could."""
    endpoint = state.endpoints.get(_NEEDED)
    if endpoint is None or endpoint.link is not Link.DOWN:
        return None
    cause = endpoint.problem or "no answer"
    return f"no metrics: {cause}; check --host, --port-offset and --url {_NEEDED}=URL"


def link_exit_code(state: FleetState) -> int:
    """Return 1 and name the cause when AIOS's metrics could not be read, else 0."""
    problem = link_problem(state)
    if problem is None:
        return DONE
    print(f"aios-top: {problem}", file=sys.stderr)
    return FAILED


class LinkNews:
    """Tells whoever waits for output when AIOS stops answering, and when it answers again; each once."""

    def __init__(self) -> None:
        self._problem: str | None = None

    def tell(self, state: FleetState) -> None:
        """Say on standard error what has changed."""
        problem, before = link_problem(state), self._problem
        self._problem = problem
        if problem is not None and before is None:
            print(f"aios-top: {problem}; it is asked again", file=sys.stderr)
        elif problem is None and before is not None:
            print("aios-top: AIOS answers again", file=sys.stderr)
