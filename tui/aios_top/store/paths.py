"""Where the files of the console live, by the XDG base directory rules."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

CONFIG_VARIABLE = "AIOS_TOP_CONFIG"
"""Names the configuration file itself."""
STATE_VARIABLE = "AIOS_TOP_STATE"
"""Names the folder of everything that the console writes."""


class StoreError(Exception):
    """A file of the console cannot be used; the message names it, the cause and the next step."""


def config_file(environ: Mapping[str, str]) -> Path:
    """Return the configuration file, whether it exists or not."""
    named = environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named)
    return _base(environ, "XDG_CONFIG_HOME", ".config") / "aios-top" / "config.toml"


def state_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder for the audit file and crash reports, whether it exists or not."""
    named = environ.get(STATE_VARIABLE)
    if named:
        return Path(named)
    return _base(environ, "XDG_STATE_HOME", ".local/state") / "aios-top"


def audit_file(environ: Mapping[str, str]) -> Path:
    """Return the operator's record."""
    return state_folder(environ) / "audit.jsonl"


def load_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of the load tests' reports, whether it exists or not."""
    return state_folder(environ) / "load"


def make_private(folder: Path) -> None:
    """Create `folder` and its missing parents for this user alone; raises StoreError where others could write.

    Modes are set one by one, because `mkdir` gives the mode to the last folder only.
    """
    try:
        for missing in reversed([entry for entry in (folder, *folder.parents) if not entry.exists()]):
            missing.mkdir(mode=0o700, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        raise StoreError(f"{folder}: {error.strerror}; name another folder with {STATE_VARIABLE}") from error
    if not stat.S_ISDIR(found.st_mode):
        raise StoreError(f"{folder}: not a folder; name another one with {STATE_VARIABLE}")
    if found.st_uid != os.geteuid():
        raise StoreError(f"{folder}: belongs to another user; name another folder with {STATE_VARIABLE}")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise StoreError(f"{folder}: others may write there; run chmod 700 {folder}")


def _base(environ: Mapping[str, str], variable: str, default: str) -> Path:
    """Return an XDG base folder; a relative one is to be ignored, says the specification."""
    named = environ.get(variable, "")
    if named and Path(named).is_absolute():
        return Path(named)
    home = environ.get("HOME", "")
    if not home:
        raise StoreError(
            f"neither {variable} nor HOME is set, so there is no place for files; "
            f"set {CONFIG_VARIABLE} and {STATE_VARIABLE}"
        )
    return Path(home) / default
