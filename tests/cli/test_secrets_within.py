"""A credential that came and went within a recording leaves in nothing that is made of it, wherever it is quoted."""

import asyncio
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from aios_top.cli.capsules import recorded_secrets
from aios_top.cli.opened import opened
from aios_top.engine.replay import Replay
from aios_top.render.export import What
from aios_top.store.recording_reader import open_recording
from aios_top.store.typed import document
from fakes.incident import IN_A_DECISION, IN_A_PARAMETER, IN_A_RECORD, IN_AN_ACT, IN_AN_ANSWER, rotated
from fakes.recordings import plain

SECRETS = (IN_A_RECORD, IN_AN_ANSWER, IN_A_DECISION, IN_A_PARAMETER, IN_AN_ACT)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rotated") / "rotated.aiosrec"
    asyncio.run(rotated(path))
    return path


def pieces(path: Path) -> Iterator[bytes]:
    """All bytes of a capsule: its members unpacked, and its recording's polls decoded."""
    with zipfile.ZipFile(path) as archive:
        yield from (archive.read(name) for name in archive.namelist())
    with opened(path) as found:
        replay = Replay(found.recording)
        for poll, traces in found.recording.steps():
            yield repr([document(poll), document(traces)]).encode()
        for at in replay.times:
            yield repr(plain(replay.state(at), at)).encode()
        yield repr([found.recording.marks(), found.recording.audit()]).encode()


def test_it_stood_in_the_middle_alone_and_is_quoted_later(recorded: Path) -> None:
    with open_recording(recorded) as recording:
        first, last = recording.times[0], recording.times[-1]
        for at in (first, last):
            frame = recording.frame(at)
            assert not any(secret in repr([frame.records, frame.policies, frame.blocks]) for secret in SECRETS[:2])
        assert all(secret in repr(list(recording.polls())) for secret in SECRETS)
        assert set(SECRETS) <= set(recorded_secrets(recording, first, last))
        assert not set(SECRETS) & set(recorded_secrets(recording, first, first + 10))


def test_a_capsule_holds_none_of_them(run, recorded: Path, tmp_path: Path) -> None:
    output = tmp_path / "incident.aioscap"
    ran = run("capsule", str(recorded), "--output", str(output))
    assert ran.code == 0, ran.err
    found = list(pieces(output))
    for secret in SECRETS:
        assert not any(secret.encode() in piece for piece in found), secret
    assert any(
        b"the gateway refused [secret removed], [secret removed], [secret removed], [secret removed], [secret removed]"
        in piece
        for piece in found
    )


@pytest.mark.parametrize("what", What)
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_an_export_holds_none_of_them(run, recorded: Path, what: What, form: str) -> None:
    ran = run("export", str(recorded), "--what", what, "--format", form)
    assert ran.code == 0, ran.err
    assert ran.out
    assert not [secret for secret in SECRETS if secret in ran.out]


def test_a_report_holds_none_of_them(run, recorded: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    ran = run("report", str(recorded), "--output", str(page))
    assert ran.code == 0, ran.err
    assert not [secret for secret in SECRETS if secret in page.read_text(encoding="utf-8")]
