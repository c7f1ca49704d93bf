"""Unpacking what anybody may have uploaded."""

import io
import tarfile
import zipfile

import pytest

from aios_top.testbed.autoscaler.archive import MAX_FILES, ArchiveError, unpack


def zip_of(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tar_of(members, mode="w:xz"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize("content", [
    zip_of({"code/": b"", "code/function.py": b"x = 1"}),
    tar_of({"code/function.py": b"x = 1"}),
    tar_of({"./code/function.py": b"x = 1"}, "w:gz"),
    tar_of({"code/function.py": b"x = 1"}, "w"),
])  # fmt: skip
def test_zip_and_every_tar_are_told_by_their_content(content, tmp_path):
    unpack(content, tmp_path)
    assert (tmp_path / "code" / "function.py").read_text() == "x = 1"


@pytest.mark.parametrize("name", ["../evil.py", "code/../../evil.py", "/evil.py", "..\\evil.py", "C:/evil.py"])
@pytest.mark.parametrize("pack", [zip_of, tar_of])
def test_nothing_is_written_outside_the_folder(name, pack, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    with pytest.raises(ArchiveError, match="outside"):
        unpack(pack({name: b"evil"}), home)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_link_is_refused(tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("code")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc"
        archive.addfile(info)
    with pytest.raises(ArchiveError, match="link"):
        unpack(buffer.getvalue(), tmp_path)


def test_a_bomb_is_stopped_while_it_unpacks(tmp_path):
    with pytest.raises(ArchiveError, match="more than"):
        unpack(zip_of({f"code/{i}": bytes(40_000_000) for i in range(2)}), tmp_path)
    with pytest.raises(ArchiveError, match="more than"):
        unpack(zip_of({f"code/{i}": b"" for i in range(MAX_FILES + 1)}), tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", zip_of({"a": b"x" * 100})[:60], tar_of({"a": b"x" * 9000})[:80]],
    ids=["empty", "text", "cut zip", "cut tar"],  # an archive holds the time: as an id it differs between processes
)
def test_what_is_no_archive_is_refused_with_a_reason(content, tmp_path):
    with pytest.raises(ArchiveError, match="cannot be unpacked as zip or tar"):
        unpack(content, tmp_path)
