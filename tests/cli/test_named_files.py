"""A file that is named and not there is a wrong argument: exit code 2 and one line, whatever the command."""

import pytest

from fakes.recording_aios import BLOCK, RecordingAios

READERS = ("replay", "what-if", "export", "report", "capsule", "recordings verify", "recordings merge --output out")
OPTIONS = (
    f"load --yes --block {BLOCK} --replay",
    f"why --block {BLOCK} --policy",
    "--policy",
    "demo --policy",
    "what-if --policy",
    "policy simulate --policy",
    "policy lint --policy",
    f"policy shadow --block {BLOCK} --policy",
    f"policy diff --block {BLOCK} --policy",
    "policy simulate --parameters",
    "what-if --parameters",
    "policy pack",
    "policy pack --registration",
    f"policy deploy --yes --block {BLOCK}",
)


@pytest.mark.parametrize("words", [*READERS, *OPTIONS])
def test_a_file_that_is_not_there(words: str, run, aios: RecordingAios, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    missing = str(tmp_path / "missing")
    asks = not words.startswith((*READERS, "demo", "policy simulate", "policy pack"))
    ran = run(*words.split(), missing, *(aios.options if asks and words != "--policy" else ()))
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (2, "", 1)
    assert missing in ran.err
    assert "o such file" in ran.err
    assert aios.requests == []
    assert not (tmp_path / "out").exists()
