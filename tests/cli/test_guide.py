"""`aios-top guide`: the contents, a page, and a page that is not there."""

import pytest

from aios_top.cli.main import main


def test_without_a_topic_it_lists_the_pages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["guide"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("first-steps   From an empty terminal")
    assert "figures" in printed


def test_a_page_fits_the_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    assert main(["guide", "figures"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "What the figures mean"
    assert max(map(len, printed)) <= 50


def test_commands_stay_whole_so_that_they_can_be_copied(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    assert main(["guide", "what-if"]) == 0
    printed = capsys.readouterr().out
    assert "  aios-top what-if incident.aiosrec --block gemma3-27b-block --set cooldown_seconds=60\n" in printed


def test_an_unknown_page_is_a_usage_error_that_names_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["guide", "figure"]) == 2
    assert "no page 'figure'; there are: first-steps" in capsys.readouterr().err
