"""The reports of load tests in the state folder, one folder each, and the one place that load tests have."""

import fcntl
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aios_top.model.errors import ActionRefusedError
from aios_top.store.paths import StoreError, make_private

LARGEST_REPORT = 16 * 1024 * 1024
KEPT_RUNS = 200
"""The newest are kept; older folders are removed when a new one is written."""
_NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z-[A-Za-z0-9._-]{1,80}")


class LoadRunFolder:
    """Satisfies `engine.ports.LoadRuns`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def claim(self) -> Callable[[], None]:
        """Take the one place; raises ActionRefusedError when another process of this account has it."""
        try:
            make_private(self._folder)
            descriptor = os.open(self._folder / "running.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except (StoreError, OSError) as error:
            raise ActionRefusedError(f"load test: cannot record: {error}; nothing was sent") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise ActionRefusedError(
                "a load test of another console or command on this machine is running: stop it first"
            ) from error
        return lambda: os.close(descriptor)

    def save(self, name: str, files: Mapping[str, bytes]) -> str:
        """Write the files of one run and return their folder; raises OSError."""
        folder = self._folder / name
        number = 1
        while folder.exists():
            number += 1
            folder = self._folder / f"{name}.{number}"
        try:
            make_private(folder)
        except StoreError as error:
            raise OSError(str(error)) from error
        for file_name, content in files.items():
            descriptor = os.open(folder / file_name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
        self._forget_old()
        return str(folder)

    def _forget_old(self) -> None:
        for folder in self._runs()[:-KEPT_RUNS]:
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()

    def _runs(self) -> list[Path]:
        """Return the folders of runs, oldest first; whatever else lies there is left alone."""
        if not self._folder.is_dir():
            return []
        return sorted(
            entry for entry in self._folder.iterdir() if _NAME.fullmatch(entry.name) and not entry.is_symlink()
        )

    def reports(self, block_id: str) -> tuple[list[dict[str, Any]], list[str]]:
        """Return the readable reports about a block, oldest first, and what is wrong with the others."""
        found, problems = [], []
        for folder in self._runs():
            path = folder / "report.json"
            try:
                with path.open("rb") as file:
                    document = json.loads(file.read(LARGEST_REPORT))
                if document["block_id"] == block_id:
                    found.append(document)
            except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
                problems.append(f"{path}: {error}")
        return found, problems
