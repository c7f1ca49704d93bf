"""When requests come: evenly, at random, or in bursts."""

from collections.abc import Callable
from random import Random
from typing import Literal

Arrival = Literal["constant", "poisson", "gamma"]


def gaps(arrival: Arrival, mean_seconds: float, cv: float, random: Random) -> Callable[[], float]:
    """Return a function that draws the seconds between two requests.

    `constant` never varies; `poisson` gaps are exponential; `gamma` gaps have the coefficient of variation `cv`,
    so that above 1 requests come in bursts and below 1 they are more even than by chance.
    """
    match arrival:
        case "constant":
            return lambda: mean_seconds
        case "poisson":
            rate = 1.0 / mean_seconds
            return lambda: random.expovariate(rate)
        case "gamma":
            shape, scale = 1.0 / (cv * cv), mean_seconds * cv * cv
            return lambda: random.gammavariate(shape, scale)
