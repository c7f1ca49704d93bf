"""A process that records a simulated story as fast as it can and says after each poll that it is on the disk."""

import asyncio
import sys
from pathlib import Path

from aios_top.store import recording_writer
from fakes.recordings import Story, simulated
from fakes.simulated import SimulatedBlock


async def record(path: Path) -> None:
    recording_writer.SEGMENT_SECONDS = 40.0  # segments are packed while it runs, too
    clock, reads = simulated(
        SimulatedBlock("told", rate=0.4), SimulatedBlock("silent", "plain"), push=6.0, interval=6.0
    )
    story = Story(path, clock, reads)
    for number in range(1, 100_000):
        await story.poll()
        print(number, flush=True)


if __name__ == "__main__":
    asyncio.run(record(Path(sys.argv[1])))
