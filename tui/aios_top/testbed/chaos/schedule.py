"""Which request meets which fault: the same for the same seed and order of requests."""

import random
from collections import Counter

from aios_top.testbed.chaos.answers import FAULTS, LOST_REPLIES

FAULTY = 0.22
"""Part of the requests that meet a fault."""
_SLOW = ("accept_silent", "slow_headers", "slow_body", "lying_length_1TB")
"""They last until the client gives up."""
OUTAGE_EVERY_SECONDS = 60.0
OUTAGE_SECONDS = 8.0
"""Once a minute one service is gone altogether."""
_OUTAGES = ("reset_before_response", "http_503_retry_after", "http_500", "not_http")


class Chaos:
    """Draws faults from a deck that holds every name once, so that none is forgotten."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._decks: dict[bool, list[str]] = {True: [], False: []}
        self.counts: Counter[str] = Counter()
        """Faults so far, by name."""

    def draw(self, service: str, now: float, *, reads: bool) -> str | None:
        """Return the name of the fault for a request to `service` at `now` seconds, None for a true answer."""
        name = self._outage(service, now) if reads else None
        if name is None and self._chance.random() < FAULTY:
            name = self._next(reads=reads)
        if name is not None:
            self.counts[name] += 1
        return name

    def _outage(self, service: str, now: float) -> str | None:
        """Return how a service is gone, during the outage of this minute."""
        number, inside = divmod(now, OUTAGE_EVERY_SECONDS)
        if number < 1 or inside > OUTAGE_SECONDS:
            return None
        victim = ("metrics", "gateway", "blocks", "autoscaler")[int(number) % 4]
        return _OUTAGES[int(number) // 4 % len(_OUTAGES)] if service == victim else None

    def _next(self, *, reads: bool) -> str:
        deck = self._decks[reads]
        if not deck:
            deck += [*FAULTS, *(name for name in FAULTS if name not in _SLOW)] if reads else LOST_REPLIES
            self._chance.shuffle(deck)
        return deck.pop()
