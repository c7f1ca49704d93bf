"""The program with a look inside: `python watched.py STATISTICS ARGUMENTS...` counts its tasks every few seconds.

Beside the statistics it writes what is logged, which nobody sees behind the screen: errors in callbacks among it.
"""

import asyncio
import logging
import sys
import threading
import time
from pathlib import Path
from weakref import WeakSet

from aios_top.cli.main import main

EVERY_SECONDS = 5.0


class Noting(asyncio.DefaultEventLoopPolicy):
    """Notes every loop that is made: walking all objects of the process for them would be what the soak measures."""

    def __init__(self) -> None:
        super().__init__()
        self.loops: WeakSet[asyncio.AbstractEventLoop] = WeakSet()

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        loop = super().new_event_loop()
        self.loops.add(loop)
        return loop


def _watch(path: Path, noted: Noting) -> None:
    while True:
        time.sleep(EVERY_SECONDS)
        try:
            tasks = sum(len(asyncio.all_tasks(loop)) for loop in list(noted.loops) if loop.is_running())
        except RuntimeError:  # a set that changed while it was walked
            continue
        path.write_text(str(tasks))


if __name__ == "__main__":
    logging.getLogger().addHandler(logging.FileHandler(f"{sys.argv[1]}.log"))
    policy = Noting()
    asyncio.set_event_loop_policy(policy)
    threading.Thread(target=_watch, args=(Path(sys.argv[1]), policy), daemon=True).start()
    sys.exit(main(sys.argv[2:]))
