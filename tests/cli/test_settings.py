"""The page of settings says what is in force and who said so."""

import argparse
from pathlib import Path

import pytest

from aios_top.cli.installation import chosen
from aios_top.cli.settings import settings_of

FILE = """
current_context = "lab"
poll_seconds = 5.0
[contexts.lab]
host = "10.0.0.1"
production = true
[load]
requests = 50
[recording]
megabytes = 50.0
[keys]
window = "v"
"""


def table(path: Path, monkeypatch: pytest.MonkeyPatch, text: str, **given: object) -> dict[str, tuple[str, str]]:
    path.write_text(text)
    path.chmod(0o600)
    monkeypatch.setenv("AIOS_TOP_CONFIG", str(path))
    args = argparse.Namespace(
        **{
            "host": None, "urls": [], "command_urls": [], "port_offset": None, "context": None, "read_only": False,
            "poll": None, "timeout": None, **given,
        }
    )  # fmt: skip
    return {row.name: (row.value, row.source) for row in settings_of(chosen(args, screen=True), "dark", records=True)}


def test_the_file_is_named_where_it_decided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = table(tmp_path / "config.toml", monkeypatch, FILE)
    assert rows["context"] == ("lab", "file")
    assert rows["production"] == ("yes", "file")
    assert rows["write gate at start"] == ("closed", "file")
    assert rows["poll_seconds"] == ("5", "file")
    assert rows["load.requests"] == ("50", "file")
    assert rows["load.in_flight"] == ("64", "default")
    assert rows["load targets"] == ("loopback only", "default")
    assert rows["keys.window"] == ("v", "file")
    assert rows["theme"] == ("dark", "default")
    assert rows["recording"] == ("from the start", "default")
    assert rows["recordings kept"] == ("50 MB, 7d", "file")
    assert rows["url metrics"] == ("http://10.0.0.1:30201", "address")


def test_options_outrank_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = table(tmp_path / "config.toml", monkeypatch, FILE, poll=1.0, read_only=True, timeout=9.0)
    assert rows["poll_seconds"] == ("1", "option")
    assert rows["write gate at start"] == ("read-only", "option")
    assert rows["timeout"] == ("9s", "option")


def test_without_a_file_all_is_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = table(tmp_path / "config.toml", monkeypatch, "", host="127.0.0.1", port_offset=20000)
    assert rows["context"] == ("127.0.0.1", "option")
    assert rows["poll_seconds"] == ("2", "default")
    assert rows["write gate at start"] == ("open", "default")
    assert rows["url metrics"] == ("http://127.0.0.1:50201", "address")
    assert rows["url autoscaler"][1] == "default"
