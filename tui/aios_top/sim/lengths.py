"""How long requests are: summary statistics of public traces and of one AIOS block."""

from functools import lru_cache
from math import exp, log, log1p, sqrt
from statistics import NormalDist

from msgspec import Struct

from aios_top.sim.arrivals import Arrival


class TrafficProfile(Struct, frozen=True):
    """Token lengths and rhythm of one kind of traffic."""

    name: str
    input_tokens: float
    """Mean tokens per prompt."""
    input_cv: float
    """Coefficient of variation: standard deviation over mean."""
    output_tokens: float
    output_cv: float
    requests_per_minute: float
    arrival: Arrival
    arrival_cv: float
    """Coefficient of variation of the gaps between requests; 1 is Poisson, above 1 comes in bursts."""
    replica: str
    """The kind of replica that serves it, a name in `profile.PROFILES`."""


TRAFFIC = {
    profile.name: profile
    for profile in (
        # Azure LLM inference trace 2023, conversation (19,366 requests in 58 minutes; Azure/AzurePublicDataset,
        # CC-BY): input p10/50/90/99 207/1020/2735/4142, mean 1155; output 54/129/424/601, mean 211; gap CV 1.09.
        TrafficProfile("chat", 1155, 0.85, 211, 0.70, 330, "gamma", 1.09, "vllm-chat"),
        # The same, code (8,819 requests): input 147/1469/5194/7436, mean 2048; output 7/13/55/252, mean 28;
        # gap CV 13.2 (between 0 and 632 requests per minute).
        TrafficProfile("code", 2048, 0.95, 28, 1.30, 150, "gamma", 13.2, "vllm-code"),
        # Gemma 3 27B on an AIOS block, 42 requests of its metrics notebook: 28,388 tokens in and 12,094 out.
        # Too few to know their spread; this one is assumed.
        TrafficProfile("aios-gemma3", 676, 0.60, 288, 0.60, 4, "poisson", 1.0, "aios-gemma3"),
        # ServeGen (alibaba/ServeGen, Apache-2.0), m-large: gap CV of a client's 10-minute windows p10/50/90
        # 0.74/1.17/5.2; here the bursty tenth, with the conversation's lengths.
        TrafficProfile("bursty", 1155, 0.85, 211, 0.70, 60, "gamma", 5.2, "vllm-chat"),
    )
}
"""Kinds of traffic by name. Only these summaries are kept here, none of the traces' data."""


_NORMALS = tuple(NormalDist().inv_cdf((step + 0.5) / 1024) for step in range(1024))
"""The standard normal distribution as 1,024 equally likely values: four times as fast as drawing from it."""


LONGEST = 32_768
"""No request is longer: the context of the models that the demo pretends to run."""


@lru_cache(maxsize=256)
def token_lengths(mean: float, cv: float) -> tuple[int, ...]:
    """Return 1,024 equally likely token counts, at least one token each, of lognormal distribution.

    To draw a length is to pick one of them: `lengths[int(random() * 1024)]`.
    """
    variance = log1p(cv * cv)
    sigma, mu = sqrt(variance), log(mean) - variance / 2
    return tuple(min(LONGEST, max(1, round(exp(mu + sigma * normal)))) for normal in _NORMALS)
