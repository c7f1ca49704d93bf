"""Where recordings of an installation go, and how large they may become."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from aios_top import __version__
from aios_top.cli.exits import UsageError
from aios_top.cli.installation import Installation
from aios_top.cli.stored import stored
from aios_top.engine.recorder import RecordingPort, Sink
from aios_top.model.recording import RecordingHeader
from aios_top.store.config import Config
from aios_top.store.paths import StoreError
from aios_top.store.recording_folder import begin, recordings, recordings_folder
from aios_top.store.recording_writer import RecordingLimits, RecordingWriter


def folder_of(config: Config) -> Path:
    """Return the folder of recordings."""
    if config.recording.folder is not None:
        return Path(config.recording.folder).expanduser()
    with stored():
        return recordings_folder(os.environ)


def limits_of(config: Config) -> RecordingLimits:
    """Return how large and how old recordings may become."""
    return RecordingLimits(config.recording.megabytes, config.recording.hours)


def recording_port(installation: Installation, output: Path | None = None) -> RecordingPort:
    """Return how recordings of an installation begin: in the folder, or in the file that was named."""
    config = installation.config
    folder, limits = folder_of(config), limits_of(config)
    header = header_of(installation)

    def open_sink() -> tuple[str, Sink]:
        writer = begin(folder, header, limits) if output is None else RecordingWriter(output, header, limits)
        return str(writer.path), writer

    return RecordingPort(open_sink, (StoreError, OSError))


def header_of(installation: Installation) -> RecordingHeader:
    """Return what a recording says of where it comes from."""
    options, addresses = installation.options, installation.addresses
    urls = [found for name in ("metrics", "blocks") if (found := addresses.url(name))]
    address = urlsplit(urls[0]).hostname or "" if urls else ""
    return RecordingHeader(options.context, options.origin_note, __version__, options.who, address, " ".join(urls))


def path_of(name: str | None, config: Config) -> Path:
    """Return the recording that is meant: a path, a name in the folder, or the newest one there; raises UsageError."""
    folder = folder_of(config)
    if name is None:
        found = recordings(folder)
        if not found:
            raise UsageError(f"no recordings in {folder}; 'aios-top record' and the console make them")
        return found[-1]
    path = Path(name)
    inside = folder / name
    return inside if not path.exists() and path.name == name and inside.exists() else path
