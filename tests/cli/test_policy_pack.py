"""`policy pack`: the archive that a deploy would upload, whole or not at all."""

import resource
import subprocess
import sys
from hashlib import sha256

from aios_top.bundle.archive import pack
from aios_top.cli.main import main
from aios_top.shipped import shipped

PACK = [sys.executable, "-m", "aios_top", "policy", "pack", "--output"]


def test_a_dash_is_standard_output_as_everywhere_and_words_go_beside_it(tmp_path):
    ran = subprocess.run([*PACK, "-"], capture_output=True, cwd=tmp_path, check=True)
    content = pack(shipped("policy"))
    assert ran.stdout == content
    assert sha256(content).hexdigest() in ran.stderr.decode()
    assert list(tmp_path.iterdir()) == []


def test_a_device_takes_it_and_one_that_is_full_says_so(capsys):
    assert main(("policy", "pack", "--output", "/dev/null")) == 0
    assert main(("policy", "pack", "--output", "/dev/full")) == 1
    assert "No space left" in capsys.readouterr().err


def test_a_terminal_is_no_place_for_it(monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(("policy", "pack", "--output", "-")) == 1
    assert "no text for a terminal" in capsys.readouterr().err


def test_a_full_disk_leaves_the_archive_that_was_there_and_no_half_of_another(tmp_path):
    target = tmp_path / "policy.zip"
    for before in (None, b"the one before"):
        if before is not None:
            target.write_bytes(before)
        ran = subprocess.run(
            [*PACK, str(target)],
            capture_output=True,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
        )
        assert ran.returncode == 1
        assert str(target) in ran.stderr.decode()
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == (
            {} if before is None else {"policy.zip": before}
        )
    assert main(("policy", "pack", "--output", str(target))) == 0
    assert target.read_bytes() == pack(shipped("policy"))
