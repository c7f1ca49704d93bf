"""`aios-top completion`: what a shell makes of it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def test_bash_completes_commands_and_options(run, tmp_path: Path):
    script = tmp_path / "completion"
    script.write_text(run("completion", "bash").out)
    asked = 'COMP_WORDS=(aios-top policy dep); COMP_CWORD=2; _shtab_aios_top; echo "${COMPREPLY[@]}"'
    done = subprocess.run(
        [shutil.which("bash") or "bash", "-c", f"source {script}; {asked}"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "deploy\n"


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("report inci", ["incident.aioscap"]),
        ("export incident.aioscap --what dec", ["decisions"]),
        ("export --output inci", ["incident.aioscap"]),
        ("what-if --policy fol", ["folder"]),
        ("repo", ["report"]),
    ],
)
def test_bash_completes_files_and_choices(run, tmp_path: Path, line: str, completed: list[str]):
    script = tmp_path / "completion"
    script.write_text(run("completion", "bash").out)
    (tmp_path / "incident.aioscap").touch()
    (tmp_path / "folder").mkdir()
    words = ["aios-top", *line.split()]
    asked = f'COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}; _shtab_aios_top; echo "${{COMPREPLY[@]}}"'
    command = [shutil.which("bash") or "bash", "-c", f"source {script}; compopt() {{ :; }}; {asked}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.split() == completed


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_know_the_commands(run, shell: str):
    ran = run("completion", shell)
    assert ran.code == 0
    assert "cooldown" in ran.out


def test_without_its_package_it_says_what_to_install(run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "shtab", None)
    ran = run("completion", "bash")
    assert (ran.code, ran.out) == (1, "")
    assert "pip install 'aios-top[completion]'" in ran.err
