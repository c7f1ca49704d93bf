"""The scripts of the scenarios, written for quick pace: who sends how many requests of which size, and when.

The policies judge the mean size of the requests of the last minute, so a story moves them with large requests and
releases them with small ones; a minute after the last large one they have forgotten it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import cos, pi

from aios_top.sim.fault import Fault
from aios_top.sim.workload import Phase

GEMMA = "gemma3-27b-block"
CHAT = "llama3-8b-chat"
CODE = "qwen2-7b-code"
EMBEDDING = "bge-embedding"


@dataclass(frozen=True, slots=True)
class Story:
    """The load of each block and the faults, in seconds from the start."""

    name: str
    sentence: str
    load: Mapping[str, tuple[Phase, ...]]
    faults: tuple[Fault, ...] = ()
    repeat_every: float | None = None


def _small_talk(at: float, until: float, requests_per_minute: float = 12.0) -> Phase:
    """Return requests so small that they count as no load: below every threshold for scaling down."""
    return Phase(at, until, requests_per_minute, input_tokens=40, output_tokens=16, token_cv=0.3)


def _documents(at: float, until: float, requests_per_minute: float, input_tokens: float = 2000) -> Phase:
    """Return long documents with short answers, evenly spaced."""
    return Phase(at, until, requests_per_minute, input_tokens, 60, token_cv=0.1, arrival="constant")


def _chat(at: float, until: float, requests_per_minute: float, input_tokens: float, output_tokens: float) -> Phase:
    """Return a conversation's traffic; its lengths spread as the chat profile's do."""
    return Phase(at, until, requests_per_minute, input_tokens, output_tokens, 0.85, "gamma", cv=1.09, output_cv=0.70)


def _code(until: float, requests_per_minute: float = 40.0) -> Phase:
    """Return completions in a code editor: in bursts, with long prompts and short answers."""
    return Phase.of("code", 0, until, requests_per_minute)


def _embeddings(until: float, requests_per_minute: float = 90.0) -> Phase:
    """Return steady indexing work."""
    return Phase(0, until, requests_per_minute, input_tokens=256, output_tokens=1, arrival="poisson")


def _spike() -> Story:
    end = 300.0
    return Story(
        "spike",
        "A batch of long documents hits gemma3-27b-block, then only small talk remains.",
        {
            GEMMA: (_documents(1, 41, 12), _small_talk(41, end, 40)),
            CHAT: (_chat(0, 60, 40, 1155, 211), _chat(60, 100, 60, 2400, 350), _chat(100, end, 50, 350, 90)),
            CODE: (_code(end),),
            EMBEDDING: (_embeddings(end),),
        },
        repeat_every=end,
    )


def _ramp() -> Story:
    end = 420.0
    return Story(
        "ramp",
        "Prompts to gemma3-27b-block grow longer and longer, and with them its replicas.",
        {
            GEMMA: (
                *(_documents(1 + 50 * step, 51 + 50 * step, 12, 500 * (step + 1)) for step in range(5)),
                _small_talk(251, end, 40),
            ),
            CHAT: (
                *(_chat(50 * step, 50 * (step + 1), 20 + 10 * step, 700 + 300 * step, 160) for step in range(5)),
                _chat(250, end, 40, 350, 90),
            ),
            CODE: (_code(end),),
            EMBEDDING: tuple(Phase(60 * step, 60 * (step + 1), 60 + 60 * step, 256, 1) for step in range(7)),
        },
        repeat_every=end,
    )


def _diurnal() -> Story:
    day, steps = 360.0, 24
    length = day / steps
    waves = [
        (step * length, (step + 1) * length, (1 - cos(2 * pi * (step + 0.5) / steps)) / 2) for step in range(steps)
    ]
    return Story(
        "diurnal",
        "A day in six minutes: requests grow more and larger until noon and fade towards the night.",
        {
            GEMMA: tuple(
                Phase(at, until, 6 + 10 * share, 40 + 900 * share**2, 20 + 60 * share, 0.2)
                for at, until, share in waves
            ),
            CHAT: tuple(
                _chat(at, until, 20 + 60 * share, 300 + 1900 * share, 80 + 250 * share) for at, until, share in waves
            ),
            CODE: tuple(Phase.of("code", at, until, 10 + 60 * share) for at, until, share in waves),
            EMBEDDING: tuple(Phase(at, until, 30 + 150 * share, 256, 1) for at, until, share in waves),
        },
        repeat_every=day,
    )


def _flap() -> Story:
    end = 120.0
    return Story(
        "flap",
        "Short batches of long documents come and go, and the replicas with them.",
        {
            GEMMA: (_documents(1, 16, 12), _small_talk(16, end, 40)),
            CHAT: (_chat(0, 25, 60, 2600, 350), _chat(25, end, 60, 300, 80)),
            CODE: (_code(end),),
            EMBEDDING: (_embeddings(end),),
        },
        repeat_every=end,
    )


def _overload() -> Story:
    end = 600.0
    return Story(
        "overload",
        "More long documents than the cluster can serve: the policy keeps asking, and nothing enforces a maximum.",
        {
            GEMMA: (Phase(0, end, 90, 1800, 250, 0.4, "poisson"),),
            CHAT: (_chat(0, end, 330, 2400, 350),),
            CODE: (_code(end, 150),),
            EMBEDDING: (_embeddings(end, 600),),
        },
        repeat_every=end,
    )


def _quiet() -> Story:
    end = 300.0
    return Story(
        "quiet",
        "A calm afternoon: a little traffic everywhere, and no reason to scale.",
        {
            GEMMA: (Phase(0, end, 4, 250, 90, 0.2, "poisson"),),
            CHAT: (Phase(0, end, 20, 900, 200, 0.15, "poisson"),),
            CODE: (Phase(0, end, 15, 1500, 28, 0.2, "poisson"),),
            EMBEDDING: (_embeddings(end, 20),),
        },
        repeat_every=end,
    )


def _incident() -> Story:
    end = 420.0
    return Story(
        "incident",
        "Load rises while things break: scale calls fail, an instance hangs, the metrics vanish, services stall.",
        {
            GEMMA: (_documents(1, 121, 12), _small_talk(121, end, 40)),
            CHAT: (_chat(0, 180, 60, 2200, 300), _chat(180, end, 40, 350, 90)),
            CODE: (_code(end),),
            EMBEDDING: (_embeddings(end),),
        },
        faults=(
            Fault(10, 45, "scale_fails", GEMMA),
            Fault(75, 135, "instance_hangs", GEMMA),
            Fault(150, None, "metrics_wiped"),
            Fault(180, 210, "registry_down"),
            Fault(220, 250, "updater_slow", CHAT),
        ),
        repeat_every=end,
    )


STORIES: Mapping[str, Story] = {
    story.name: story for story in (_spike(), _ramp(), _diurnal(), _flap(), _overload(), _quiet(), _incident())
}
"""All stories by name."""
