"""The scripts of the scenarios, written for quick pace: who sends how many requests of which size, and when.

The policies judge the mean size of the requests of the last minute, so a story moves them with large requests and
releases them with small ones; a minute after the last large one they have forgotten it.
"""

from collections.abc import Mapping
from math import cos, pi

from msgspec import Struct

from aios_top.sim.fault import Fault
from aios_top.sim.workload import Phase

GEMMA = "gemma3-27b-block"
CHAT = "llama3-8b-chat"
CODE = "qwen2-7b-code"
EMBEDDING = "bge-embedding"


class Story(Struct, frozen=True):
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
        "A batch of long documents hits gemma3-27b-block; questions about them follow, then only small talk.",
        {
            GEMMA: (
                _documents(1, 26, 12),
                Phase(31, 100, 30, input_tokens=200, output_tokens=70, token_cv=0.2),
                _small_talk(90, 240, 30),
                _small_talk(240, end, 6),
            ),
            CHAT: (_chat(0, 60, 40, 1155, 211), _chat(60, 90, 60, 2200, 350), _chat(90, end, 50, 350, 90)),
            CODE: (_code(end),),
            EMBEDDING: (_embeddings(end),),
        },
        repeat_every=end,
    )


def _ramp() -> Story:
    step, end = 50.0, 480.0
    sizes = (550, 600, 700, 800, 900)
    return Story(
        "ramp",
        "Documents for gemma3-27b-block grow longer and longer, and with them its replicas.",
        {
            GEMMA: (
                *(_documents(1 + step * n, 1 + step * (n + 1), 3, size) for n, size in enumerate(sizes)),
                _small_talk(1 + step * len(sizes), end, 6),
            ),
            CHAT: (
                *(
                    _chat(step * n, step * (n + 1), 20 + 10 * n, size, 160)
                    for n, size in enumerate((700, 900, 1100, 1300, 1600))
                ),
                _chat(step * 5, end, 40, 350, 90),
            ),
            CODE: (_code(end),),
            EMBEDDING: tuple(Phase(60 * n, 60 * (n + 1), 60 + 60 * n, 256, 1) for n in range(7)),
        },
        repeat_every=end,
    )


def _diurnal() -> Story:
    day, steps = 360.0, 24
    hour = day / steps
    waves = [(n * hour, (n + 1) * hour, (1 - cos(2 * pi * (n + 0.5) / steps)) / 2) for n in range(steps)]
    return Story(
        "diurnal",
        "A day in six minutes: requests grow more and larger until noon and fade towards the night.",
        {
            GEMMA: tuple(Phase(at, end, 3 + 2 * noon, 40 + 680 * noon, 20 + 40 * noon, 0.2) for at, end, noon in waves),
            CHAT: tuple(
                _chat(at, end, 20 + 60 * noon, 300 + 1550 * noon**4, 80 + 230 * noon) for at, end, noon in waves
            ),
            CODE: tuple(Phase.of("code", at, end, 10 + 60 * noon) for at, end, noon in waves),
            EMBEDDING: tuple(Phase(at, end, 30 + 150 * noon, 256, 1) for at, end, noon in waves),
        },
        repeat_every=day,
    )


def _flap() -> Story:
    end = 120.0
    return Story(
        "flap",
        "Short batches of long documents come and go, and the replicas with them.",
        {
            GEMMA: (_documents(1, 21, 12), _small_talk(21, 80, 10)),
            CHAT: (_chat(0, 25, 60, 2600, 350), _chat(25, end, 60, 300, 80)),
            CODE: (_code(end),),
            EMBEDDING: (_embeddings(end),),
        },
        repeat_every=end,
    )


def _overload() -> Story:
    rush, end = 150.0, 540.0
    return Story(
        "overload",
        "More than the cluster can serve: for gemma3-27b-block the policy asks beyond any maximum, "
        "while llama3-8b-chat drowns in requests too small to scale it.",
        {
            GEMMA: (Phase(0, rush, 60, 1800, 120, 0.4), _small_talk(rush, end, 30)),
            CHAT: (Phase.of("chat", 0, rush), _chat(rush, end, 40, 700, 120)),
            CODE: (Phase.of("code", 0, rush), _code(end)),
            EMBEDDING: (_embeddings(rush, 1200), _embeddings(end)),
        },
        repeat_every=end,
    )


def _quiet() -> Story:
    end = 300.0
    return Story(
        "quiet",
        "A calm afternoon: a little traffic everywhere, and no reason to scale.",
        {
            GEMMA: (Phase(0, end, 4, 250, 90, 0.2),),
            CHAT: (Phase(0, end, 20, 900, 200, 0.15),),
            CODE: (Phase(0, end, 15, 1500, 28, 0.2),),
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
            GEMMA: (_documents(1, 91, 12), _small_talk(91, end, 20)),
            CHAT: (_chat(0, 40, 60, 2200, 300), _chat(40, 180, 60, 1155, 211), _chat(180, end, 40, 350, 90)),
            CODE: (_code(end),),
            EMBEDDING: (_embeddings(end),),
        },
        faults=(
            Fault(8, 45, "scale_fails", GEMMA),
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
