"""The world that a session works on."""

from msgspec import Struct

from aios_top.engine.ports import (
    Audit,
    Bundles,
    Clock,
    History,
    LoadGenerator,
    LoadRuns,
    Mutations,
    Reads,
    Rules,
    Workbench,
)
from aios_top.engine.recorder import Recorder


class Ports(Struct, frozen=True):
    """The world that a session works on; whoever opened it closes it."""

    reads: Reads
    mutations: Mutations
    audit: Audit
    generator: LoadGenerator
    load_runs: LoadRuns
    bundles: Bundles
    clock: Clock
    rules: Rules
    workbench: Workbench
    recorder: Recorder | None = None
    histories: tuple[History, ...] | None = None
    """Who is asked for history from before the first poll, the best one first; None: nobody looks at curves."""
