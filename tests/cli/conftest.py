"""A command run in this process, against an AIOS that writes down what it was sent."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from aios_top.cli.main import main
from fakes.recording_aios import RecordingAios


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def own_files(tmp_path, monkeypatch):
    """Keep the user's configuration out and the audit file in the test's folder."""
    monkeypatch.setenv("AIOS_TOP_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("AIOS_TOP_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("AIOS_TOP_DEBUG", raising=False)


@pytest.fixture
def aios() -> Iterator[RecordingAios]:
    with RecordingAios() as running:
        yield running


@pytest.fixture
def run(capsys) -> Callable[..., Ran]:
    """Run a command line and return what it printed."""

    def run_command(*argv: str) -> Ran:
        capsys.readouterr()
        code = main(argv)
        printed = capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    return run_command
