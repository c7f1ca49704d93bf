"""Tells from decisions what load they met: the tokens that were counted, and the requests that piled up."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from aios_top.model.decision import Decision, InstanceInput
from aios_top.sim.workload import SLOWEST_RATE, Phase

BIN_SECONDS = 60.0
TOKEN_CV = 0.6
"""Spread of the lengths within a minute, which no metric tells; that of the one AIOS block that is known."""
_MANY_SESSIONS = 1.5
"""Replicas that serve more requests than this at once batch them."""
_SHORT_ANSWER_TOKENS = 60.0


class Offered(Struct, frozen=True):
    """A load as the simulator takes it, from the first decision on."""

    phases: tuple[Phase, ...]
    requests_per_minute: float
    likeliest_profile: str
    """The kind of traffic whose replicas are most like those that served it."""


def offered_load(decisions: Sequence[Decision]) -> Offered | None:
    """Return the load between the first and the last decision, oldest first; None when no counters are known.

    Requests that could not be served yet show as queues that grow, and are added.
    """
    start, end = decisions[0].at, decisions[-1].at
    phases: list[Phase] = []
    known = False
    first = 0
    for number in range(1, len(decisions)):
        if decisions[number].at - decisions[first].at < BIN_SECONDS and number < len(decisions) - 1:
            continue
        seen = decisions[first : number + 1]
        at, until = decisions[first].at - start, decisions[number].at - start
        first = number
        if until <= at:
            continue
        minute = _minute(seen)
        known = known or minute is not None
        if minute is not None and minute[0] > 0:
            phases.append(Phase(at, until, *minute, token_cv=TOKEN_CV))
    if not known:
        return None
    requests = sum(phase.requests_per_minute * (phase.until - phase.at) for phase in phases)
    return Offered(tuple(phases), requests / (end - start), _likeliest(decisions, phases))


def _minute(seen: Sequence[Decision]) -> tuple[float, float, float] | None:
    """Return requests per minute and their mean tokens in and out, None when nothing is known."""
    rates = [
        (_total(decision.instances, "input_rate"), _total(decision.instances, "output_rate")) for decision in seen[1:]
    ]
    known = [(given, made) for given, made in rates if given is not None and made is not None]
    if not known:
        return None
    tokens_in, tokens_out = (sum(side) / len(known) for side in zip(*known, strict=True))
    sizes = [
        entry.input_size for decision in seen for entry in decision.instances if entry.input_size and entry.input_rate
    ]
    if not sizes or tokens_in <= 0:
        return (0.0, 1.0, 1.0)
    size = sum(sizes) / len(sizes)
    served = tokens_in / size
    waiting = [_total(decision.instances, "queue") or 0.0 for decision in (seen[0], seen[-1])]
    piled_up = max(0.0, waiting[1] - waiting[0]) * 60.0 / (seen[-1].at - seen[0].at)
    per_minute = max(SLOWEST_RATE, served + piled_up)
    return per_minute, max(1.0, size), max(1.0, tokens_out / served)


def _total(instances: Iterable[InstanceInput], column: str) -> float | None:
    values = [value for entry in instances if (value := getattr(entry, column)) is not None]
    return sum(values) if values else None


def _likeliest(decisions: Sequence[Decision], phases: Sequence[Phase]) -> str:
    """Return the profile by what tells replicas apart: whether they batch, and how long their answers are."""
    sessions = [entry.sessions for decision in decisions for entry in decision.instances if entry.sessions is not None]
    if max(sessions, default=0.0) <= _MANY_SESSIONS:
        return "aios-gemma3"
    answers = [phase.output_tokens for phase in phases]
    return "code" if answers and sum(answers) / len(answers) < _SHORT_ANSWER_TOKENS else "chat"
