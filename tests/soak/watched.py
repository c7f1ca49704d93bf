"""The program with a look inside: `python watched.py STATISTICS ARGUMENTS...` counts its tasks every few seconds."""

import asyncio
import gc
import sys
import threading
import time
from pathlib import Path

from aios_top.cli.main import main

EVERY_SECONDS = 5.0


def _loops() -> list[asyncio.AbstractEventLoop]:
    return [found for found in gc.get_objects() if isinstance(found, asyncio.AbstractEventLoop) and found.is_running()]


def _watch(path: Path) -> None:
    while True:
        time.sleep(EVERY_SECONDS)
        try:
            tasks = sum(len(asyncio.all_tasks(loop)) for loop in _loops())
        except RuntimeError:  # a set that changed while it was walked
            continue
        path.write_text(str(tasks))


if __name__ == "__main__":
    threading.Thread(target=_watch, args=(Path(sys.argv[1]),), daemon=True).start()
    sys.exit(main(sys.argv[2:]))
