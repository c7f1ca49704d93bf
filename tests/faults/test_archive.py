"""Policy archives that an attacker made: refused in memory, with the reason, and never run."""

import asyncio
import os
import sys
import time
import tracemalloc
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from aios_top.bundle.archive import inspect
from aios_top.bundle.limits import BundleError
from aios_top.bundle.load import load_bundle
from aios_top.bundle.source import check_source
from aios_top.cli.main import main
from aios_top.shipped import shipped
from bundle.archives import FUNCTION, REFUSED, SOURCE, tar_of, zip_of
from bundle.test_source import REFUSED as SOURCES
from fakes.recording_aios import BLOCK, RecordingAios

CANARY = SOURCE + b"\nimport os, pathlib\npathlib.Path(os.environ['CANARY_FILE']).write_text('ran')\n"

CASES = {
    "A-02": (
        "slip", "slip inside", "dot", "absolute", "backslash", "drive", "tar slip", "tar absolute", "zip link",
        "zip device", "zip setuid", "tar symlink", "tar hardlink", "tar fifo", "tar chardev", "tar blockdev",
        "tar setuid", "tar sparse",
    ),
    "A-03": (
        "zip bomb", "zip total", "many files", "tar many files", "gzip bomb", "bzip2 bomb", "xz bomb", "xz dictionary",
        "large", "lying size",
    ),
    "A-04": (
        "duplicate", "duplicate by case", "duplicate by form", "file is folder", "tar duplicate", "overlap",
        "hidden member", "prepended", "trailing", "comment", "tar trailing", "gzip trailing", "two gzips", "lying name",
        "zip and tar", "pax size", "negative size", "bad crc", "encrypted", "truncated", "truncated tar",
        "truncated gzip", "corrupt gzip", "method", "folder with contents", "empty", "empty zip", "noise",
    ),
    "A-05": ("escape name", "bidi name", "long name", "newline name"),
    "A-06": ("no code folder", "nested", "no function"),
}  # fmt: skip
ALL = [(case, name) for case, names in CASES.items() for name in names]


@pytest.fixture
def own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIOS_TOP_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("AIOS_TOP_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("CANARY_FILE", str(tmp_path / "ran"))
    return tmp_path


def test_every_archive_of_the_corpus_has_a_case() -> None:
    assert {name for _, name in ALL} == set(REFUSED)


_executed: list[str] | None = None


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if _executed is None:
        return
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        _executed.append(f"open {arguments[0]}")
    elif event in {"exec", "compile", "os.system", "subprocess.Popen", "socket.connect"}:
        _executed.append(f"{event} {arguments[0]!r:.200}")


sys.addaudithook(_note)


@pytest.fixture
def watched() -> Iterator[list[str]]:
    """Note what Python itself reports: code that is compiled or run, files that are opened to write."""
    global _executed  # noqa: PLW0603 - an audit hook cannot be taken away
    inspect(zip_of())  # what the standard library imports late is none of the archive's
    _executed = []
    yield _executed
    _executed = None


@pytest.mark.parametrize(("case", "name"), ALL, ids=[f"{case} {name}" for case, name in ALL])
def test_it_is_refused_in_memory_with_its_reason(case: str, name: str, watched: list[str]) -> None:
    build, reason = REFUSED[name]
    content = build()
    watched.clear()
    tracemalloc.start()
    started = time.thread_time()
    with pytest.raises(BundleError) as caught:
        inspect(content)
    spent, (_, peak) = time.thread_time() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert reason in str(caught.value)
    assert str(caught.value).isprintable()
    own = [entry for entry in watched if not entry.startswith("subprocess.Popen") and "/encodings/" not in entry]
    assert own == []
    if case == "A-03":
        assert peak < 16 * 2**20
        assert spent < 1.0


SOURCE_CASES = {
    "A-06 src_bidi": "bidi", "A-06 src_nul": "nul", "A-06 src_latin1": "latin-1 bytes", "A-06 syntax_error": "syntax",
    "A-06 ast_deep": "deep parentheses", "A-06 no_class": "other class", "A-03 ast_deep_unary": "deep unary",
    "A-03 ast_long": "long sum", "A-03 source_too_large": "too large", "A-06 no_eval": "no eval",
}  # fmt: skip


@pytest.mark.parametrize("case", SOURCE_CASES)
def test_its_source_is_refused_with_its_line(case: str) -> None:
    content, message = SOURCES[SOURCE_CASES[case]]
    with pytest.raises(BundleError) as caught:
        inspect(zip_of((FUNCTION, content), policy=False, method=zipfile.ZIP_STORED))
    assert message in str(caught.value)


def test_a_03_a_wide_source_is_parsed_within_its_childs_limits() -> None:
    """256 KiB of source at most, and two seconds of processor time in a child of its own."""
    wide = SOURCE + b"\nx = [" + b"1," * 120_000 + b"]\n"
    assert check_source("f", wide).problems == ()
    assert check_source("f", wide + b"#" * 30_000).problems != ()


@pytest.mark.parametrize("form", ["zip", "tar", "folder"])
def test_a_01_code_is_inspected_packed_uploaded_and_registered_but_never_run(
    form: str, own_files: Path, watched: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = own_files / "policy"
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "function.py").write_bytes(CANARY)
    record = (shipped("policy") / "registration.json").read_bytes()
    (folder / "registration.json").write_bytes(record)
    path = folder
    if form != "folder":
        path = folder / f"canary.{form}"
        path.write_bytes((zip_of if form == "zip" else tar_of)((FUNCTION, CANARY), policy=False))
    with RecordingAios() as aios:
        watched.clear()
        assert main(["policy", "deploy", str(path), "--block", BLOCK, "--yes", *aios.options]) == 0
        seen = list(watched)
        assert [request.service for request in aios.changes] == ["upload", "policies"]
    assert not (own_files / "ran").exists()
    assert "function" not in sys.modules
    for entry in seen:
        assert "CANARY_FILE" not in entry
        assert "pip" not in entry.split()
        if entry.startswith("subprocess.Popen"):
            assert sys.executable in entry
    assert capsys.readouterr().out


@pytest.mark.parametrize("line", ["-r other.txt", "--index-url http://evil", "x --hash=sha256:00"])
def test_a_07_a_pip_option_is_refused(line: str) -> None:
    with pytest.raises(BundleError, match="pip option"):
        inspect(zip_of(("code/requirements.txt", line.encode())))


def test_a_07_a_place_of_its_own_needs_a_second_confirmation(
    own_files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = own_files / "policy"
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "function.py").write_bytes(SOURCE)
    (folder / "code" / "requirements.txt").write_text("x @ https://evil.example/x.whl\n")
    (folder / "registration.json").write_bytes((shipped("policy") / "registration.json").read_bytes())
    with RecordingAios() as aios:
        line = ["policy", "deploy", str(folder), "--block", BLOCK, "--yes", *aios.options]
        assert main(line) == 1
        assert aios.changes == []
        said = capsys.readouterr()
        assert "code from a place of its own" in said.err
        assert "--trust-urls" in said.err
        assert main([*line, "--trust-urls"]) == 0
        assert len(aios.changes) == 2


def test_a_08_the_bytes_that_were_inspected_are_the_bytes_that_are_uploaded(own_files: Path) -> None:
    folder = own_files / "policy"
    folder.mkdir()
    path = folder / "p.zip"
    path.write_bytes(zip_of())
    (folder / "registration.json").write_bytes((shipped("policy") / "registration.json").read_bytes())
    bundle = load_bundle(path)
    path.write_bytes(zip_of((FUNCTION, CANARY), policy=False))
    assert bundle.content == zip_of()
    assert bundle.sha256 == sha256(zip_of()).hexdigest()


def test_a_09_other_bytes_on_the_way_back_stop_it_before_registering(
    own_files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Lying(dict[str, bytes]):
        def __getitem__(self, key: str) -> bytes:
            return b"something else"

    with RecordingAios() as aios:
        aios.files = Lying()
        assert main(["policy", "deploy", "--block", BLOCK, "--yes", *aios.options]) == 1
        assert [request.service for request in aios.changes] == ["upload"]
    said = capsys.readouterr().err
    assert "sha256" in said or "digest" in said or "bytes" in said


def test_a_10_a_register_that_fails_leaves_both_steps_in_the_record_and_says_what_exists(
    own_files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with RecordingAios() as aios:
        aios.registry.clear()
        aios.answers["policies", "/policy"] = (200, {"success": False, "message": "no room"})
        assert main(["policy", "deploy", "--block", BLOCK, "--yes", *aios.options]) == 1
        assert [request.service for request in aios.changes] == ["upload", "policies"]
        (name,) = aios.files
    main(["audit", "show"])
    said = capsys.readouterr()
    kinds = [line.split()[2] for line in said.out.splitlines() if " intent " in line or " outcome " in line]
    assert kinds == ["intent", "outcome", "intent", "outcome"]
    assert "no room" in said.err
    assert name in said.out
    assert asyncio.iscoroutinefunction(main) is False
