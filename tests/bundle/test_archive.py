"""Archives: what AIOS can unpack is accepted, everything hostile is refused in memory with its reason."""

import bz2
import contextlib
import gzip
import lzma
import os
import sys
import tarfile
import time
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aios_top.bundle.archive import inspect, pack
from aios_top.bundle.limits import BundleError
from aios_top.shipped import shipped
from bundle.archives import FUNCTION, REFUSED, SOURCE, tar_of, zip_of


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_archive_is_refused_with_the_reason(name: str) -> None:
    build, reason = REFUSED[name]
    content = build()
    with pytest.raises(BundleError) as caught:
        inspect(content)
    assert reason in str(caught.value)
    assert str(caught.value).isprintable()


PACKED_SHA256 = "4f46bc7b0bcdd2c890003bed2950a03734b6cd2fa0eaedf8761c0ba25a5f1bb0"
"""Of the folder below: the same on every machine and with every Python."""

ACCEPTED = {
    "zip": zip_of(("code/requirements.txt", b"# nothing\n")),
    "stored zip": zip_of(method=zipfile.ZIP_STORED),
    "zip with folders": zip_of(("code/", b""), ("code/data/", b""), ("code/data/x.json", b"{}")),
    "tar": tar_of(),
    "pax tar": tar_of(("code/" + "n" * 150, b""), form=tarfile.PAX_FORMAT),
    "gnu long name": tar_of(("code/" + "n" * 150, b"")),
    "tar of .": tar_of(("./code/x", b""), policy=True),
    "tar.gz": gzip.compress(tar_of(), mtime=0),
    "tar.bz2": bz2.compress(tar_of()),
    "tar.xz": lzma.compress(tar_of()),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_every_form_that_aios_unpacks_is_accepted(name: str) -> None:
    found = inspect(ACCEPTED[name])
    assert FUNCTION in found.members
    assert found.code_sha256 == sha256(SOURCE).hexdigest()
    assert found.declared_version == "1.0"
    assert found.is_zip == ("zip" in name)
    assert found.warnings == ()


def test_a_streamed_zip_is_accepted(tmp_path: Path) -> None:
    """Zips written to a pipe carry sizes behind the data."""
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "wb") as sink, zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(FUNCTION, SOURCE)
        archive.writestr("code/b.txt", b"b")
    with os.fdopen(read_end, "rb") as source:
        found = inspect(source.read())
    assert found.members == (FUNCTION, "code/b.txt")


def test_files_beside_code_are_a_warning() -> None:
    assert inspect(zip_of(("README.md", b""))).warnings == (
        "unpacked but never loaded, being outside code/: README.md",
    )


def test_the_reason_of_every_part_is_told_at_once() -> None:
    content = zip_of((FUNCTION, b"x = 1"), ("code/requirements.txt", b"--index-url http://x\n-e .\n"), policy=False)
    with pytest.raises(BundleError) as caught:
        inspect(content)
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "code/function.py",
        "code/requirements.txt line 1",
        "code/requirements.txt line 2",
    ]


def test_no_byte_of_the_archive_is_run_imported_or_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    marker = tmp_path / "canary"
    canary = b"open(%r, 'w').close()\n" % str(marker) + SOURCE
    opened: list[str] = []
    watching = [True]

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event in {"exec", "import", "open"} and str(arguments[0]).endswith("function"):
            opened.append(event)
        if watching and event == "open" and isinstance(arguments[0], str) and set(str(arguments[1])) & set("wax+"):
            opened.append(arguments[0])

    sys.addaudithook(watch)
    try:
        inspect(zip_of((FUNCTION, canary), ("code/setup.py", canary), policy=False))
        inspect(tar_of((FUNCTION, canary), ("code/conftest.py", canary), policy=False))
    finally:
        watching.clear()
    assert not marker.exists()
    assert opened == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["zip bomb", "gzip bomb", "bzip2 bomb", "xz bomb", "tar many files", "large"])
def test_what_is_too_large_costs_little(name: str) -> None:
    content = REFUSED[name][0]()
    started = time.process_time()
    with pytest.raises(BundleError):
        inspect(content)
    assert time.process_time() - started < 1.0


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_damage_leads_to_anything_but_a_reason(data: st.DataObject) -> None:
    """Flip bytes and cut anywhere: the answer is an inspection or a BundleError, never another error."""
    original = data.draw(st.sampled_from([zip_of(("code/a/b.txt", b"b" * 50)), tar_of(("code/b.txt", b"b" * 50))]))
    content = bytearray(original)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))
    with contextlib.suppress(BundleError):
        assert FUNCTION in inspect(bytes(content[:cut])).members


def policy_folder(folder: Path) -> Path:
    (folder / "code" / "data").mkdir(parents=True)
    (folder / "code" / "function.py").write_bytes(SOURCE)
    (folder / "code" / "data" / "z.json").write_text("{}")
    return folder


def test_a_folder_packs_the_same_whatever_its_dates_and_rubbish(tmp_path: Path) -> None:
    first = policy_folder(tmp_path / "first")
    second = policy_folder(tmp_path / "second")
    (second / "code" / "__pycache__").mkdir()
    (second / "code" / "__pycache__" / "function.cpython-311.pyc").write_bytes(b"x")
    (second / "code" / ".function.py.swp").write_bytes(b"x")
    (second / "README.md").write_text("beside code/")
    os.utime(second / "code" / "function.py", (0, 0))
    (second / "code" / "function.py").chmod(0o755)
    content = pack(first)
    assert content == pack(second)
    assert inspect(content).members == ("code/data/z.json", FUNCTION)
    assert sha256(content).hexdigest() == PACKED_SHA256


def test_what_is_packed_is_what_aios_unpacks(tmp_path: Path) -> None:
    (tmp_path / "archive.zip").write_bytes(pack(policy_folder(tmp_path / "policy")))
    with zipfile.ZipFile(tmp_path / "archive.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    assert (tmp_path / "unpacked" / "code" / "function.py").read_bytes() == SOURCE


def test_the_shipped_policy_packs_and_passes_its_own_inspection() -> None:
    found = inspect(pack(shipped("policy")))
    assert found.members == ("code/function.py", "code/requirements.txt")
    assert found.warnings == ()
    assert found.code_sha256 == sha256((shipped("policy") / "code" / "function.py").read_bytes()).hexdigest()


def test_folders_that_are_no_policy_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="holds no folder code/"):
        pack(tmp_path)
    folder = policy_folder(tmp_path / "linked")
    (folder / "code" / "secret").symlink_to("/etc/passwd")
    with pytest.raises(BundleError, match="a link or a device"):
        pack(folder)
    (folder / "code" / "secret").unlink()
    (folder / "code" / "large").write_bytes(bytes(5 * 1024 * 1024 + 1))
    with pytest.raises(BundleError, match="larger than 5 MiB"):
        pack(folder)
    (folder / "code" / "large").unlink()
    for number in range(200):
        (folder / "code" / f"{number}.txt").touch()
    with pytest.raises(BundleError, match="more than 200 files"):
        pack(folder)
