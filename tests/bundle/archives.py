"""Policies and hostile archives, built in memory, the same bytes every time."""

import bz2
import gzip
import io
import lzma
import stat
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable

SOURCE = b"""
POLICY_VERSION = "1.0"


class AIOSv1PolicyRule:
    def __init__(self, rule_id, settings, parameters):
        pass

    def eval(self, parameters, input_data, context):
        return {"skip": True}

    def management(self, action, data):
        return None
"""
FUNCTION = "code/function.py"
NOTHING: tuple[tuple[str, bytes], ...] = ()
REGULAR = stat.S_IFREG | 0o644

Item = tuple[str, bytes] | tuple[str, bytes, int]
"""Name, content and Unix mode."""


def zip_of(*items: Item, method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"", policy: bool = True) -> bytes:
    """Return a zip with these members after a good policy."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
        warnings.simplefilter("ignore")  # about the duplicates that we want
        for name, content, mode in _with_modes(items, policy):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = method
            info.create_system = 3
            info.external_attr = mode << 16
            archive.writestr(info, content)
        archive.comment = comment
    return buffer.getvalue()


def tar_of(*items: Item | tarfile.TarInfo, policy: bool = True, form: int = tarfile.GNU_FORMAT) -> bytes:
    """Return a plain tar with these members after a good policy; a TarInfo stands for itself, without content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        plain = [item for item in items if not isinstance(item, tarfile.TarInfo)]
        for name, content, mode in _with_modes(plain, policy):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), stat.S_IMODE(mode)
            archive.addfile(info, io.BytesIO(content))
        for item in items:
            if isinstance(item, tarfile.TarInfo):
                archive.addfile(item)
    return buffer.getvalue()


def tar_member(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """Return a member that is no regular file."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def _with_modes(items: Iterable[Item], policy: bool) -> list[tuple[str, bytes, int]]:
    everything: list[Item] = [(FUNCTION, SOURCE), *items] if policy else list(items)
    return [(item[0], item[1], item[2] if len(item) == 3 else REGULAR) for item in everything]


def _patched(content: bytes, at: int, value: bytes) -> bytes:
    return content[:at] + value + content[at + len(value) :]


def _directory_at(content: bytes) -> int:
    return content.index(b"PK\x01\x02")


def bad_crc() -> bytes:
    content = zip_of(method=zipfile.ZIP_STORED)
    at = content.index(b"POLICY_VERSION")
    return _patched(content, at, b"X")


def encrypted() -> bytes:
    content = zip_of()
    content = _patched(content, 6, b"\x01\x00")
    return _patched(content, _directory_at(content) + 8, b"\x01\x00")


def lying_name() -> bytes:
    """The member's own header says another name of the same length than the directory."""
    content = zip_of(("code/a.txt", b""))
    return content.replace(b"code/a.txt", b"code/b.txt", 1)


def lying_size() -> bytes:
    """Header and directory promise 10 bytes of a member that unpacks to a megabyte."""
    content = zip_of(("code/big.txt", b"a" * 1_000_000))
    return content.replace(struct.pack("<L", 1_000_000), struct.pack("<L", 10))


def overlapping() -> bytes:
    """Two directory entries that use one member's data."""
    content = zip_of(("code/a.txt", b"1" * 100), ("code/b.txt", b"1" * 100), method=zipfile.ZIP_STORED)
    of_a = content.index(b"code/a.txt") - 30
    return _patched(content, content.rindex(b"PK\x01\x02") + 42, struct.pack("<L", of_a))


def hidden_between() -> bytes:
    """A member that the directory does not list any more."""
    content = zip_of(("code/a.txt", b"1"), ("code/b.txt", b"2"))
    at = _directory_at(content)
    entries = content[at:].split(b"PK\x01\x02")[1:]
    kept = b"".join(b"PK\x01\x02" + entry for entry in (entries[0], entries[2]))
    directory, end = kept.split(b"PK\x05\x06")
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2, 2, len(directory), at, 0)
    return content[:at] + directory + end


def zip_that_is_a_tar() -> bytes:
    """Starts as a zip does and has a valid tar header: AIOS would unpack the tar."""
    inner = zip_of(method=zipfile.ZIP_STORED)
    info = tarfile.TarInfo("PK\x03\x04")
    info.size = len(inner)
    return info.tobuf() + inner


def negative_size() -> bytes:
    """A header whose size leads backwards (CVE-2025-8194)."""
    info = tarfile.TarInfo("code/a.txt")
    block = bytearray(info.tobuf())
    block[124:136] = (-512).to_bytes(12, "big", signed=True)
    block[148:156] = b"        "
    block[148:156] = b"%06o\0 " % sum(block)
    return tar_of()[:1024] + bytes(block) + bytes(1024)


def pax_size() -> bytes:
    info = tarfile.TarInfo("code/a.txt")
    info.pax_headers = {"size": "9999"}
    return tar_of(info, form=tarfile.PAX_FORMAT)


def large_dictionary() -> bytes:
    """An xz stream that asks for a dictionary of 1.5 GiB."""
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}]
    content = bytearray(lzma.compress(tar_of(), filters=filters))
    at = content.index(bytes([lzma.FILTER_LZMA2, 1]), 12) + 2
    content[at] = 39
    header = slice(12, 12 + (content[12] + 1) * 4)
    block = bytes(content[header])[:-4]
    content[header] = block + struct.pack("<L", zlib.crc32(block))
    return bytes(content)


ZERO_MIB = bytes(1024 * 1024)

REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    # places outside the folder
    "slip": (lambda: zip_of(("../evil.txt", b"")), "would leave the archive's folder"),
    "slip inside": (lambda: zip_of(("code/../../evil.txt", b"")), "would leave the archive's folder"),
    "dot": (lambda: zip_of(("code/./x", b"")), "would leave the archive's folder"),
    "absolute": (lambda: zip_of(("/etc/passwd", b"")), "not a relative path"),
    "backslash": (lambda: tar_of(("code\\evil", b"")), "not a relative path"),
    "drive": (lambda: zip_of(("C:evil", b"")), "not a relative path"),
    "tar slip": (lambda: tar_of(("../evil.txt", b"")), "would leave the archive's folder"),
    "tar absolute": (lambda: tar_of(("/etc/passwd", b"")), "not a relative path"),
    # what is no file
    "zip link": (lambda: zip_of(("code/l", b"/etc/passwd", stat.S_IFLNK | 0o777)), "not a regular file: code/l"),
    "zip device": (lambda: zip_of(("code/d", b"", stat.S_IFCHR | 0o600)), "not a regular file"),
    "zip setuid": (lambda: zip_of(("code/s", b"", REGULAR | stat.S_ISUID)), "setuid"),
    "tar symlink": (lambda: tar_of(tar_member("code/l", tarfile.SYMTYPE, "/etc")), "not a regular file: code/l"),
    "tar hardlink": (lambda: tar_of(tar_member("code/l", tarfile.LNKTYPE, FUNCTION)), "not a regular file"),
    "tar fifo": (lambda: tar_of(tar_member("code/f", tarfile.FIFOTYPE)), "not a regular file"),
    "tar chardev": (lambda: tar_of(tar_member("code/c", tarfile.CHRTYPE)), "not a regular file"),
    "tar blockdev": (lambda: tar_of(tar_member("code/b", tarfile.BLKTYPE)), "not a regular file"),
    "tar setuid": (lambda: tar_of(("code/s", b"", 0o4755)), "setuid"),
    "tar sparse": (lambda: tar_of(tar_member("code/s", tarfile.GNUTYPE_SPARSE)), "not a regular file"),
    # sizes
    "zip bomb": (lambda: zip_of(("code/b", ZERO_MIB * 8)), "more than 100 times"),
    "zip total": (lambda: zip_of(*((f"code/{n}", b"x" * 60_000) for n in range(150)), ("code/z", ZERO_MIB * 12)),
                  "unpacks to more than 20 MiB"),
    "many files": (lambda: zip_of(*((f"code/{n}", b"") for n in range(201))), "more than 200 members"),
    "tar many files": (lambda: tar_of(*((f"code/{n}", b"") for n in range(5_000))), "more than 200 members"),
    "gzip bomb": (lambda: gzip.compress(tar_of(("code/b", ZERO_MIB * 32)), mtime=0), "more than"),
    "bzip2 bomb": (lambda: bz2.compress(tar_of(("code/b", ZERO_MIB * 32))), "more than 100 times"),
    "xz bomb": (lambda: lzma.compress(tar_of(("code/b", ZERO_MIB * 32))), "more than 100 times"),
    "xz dictionary": (large_dictionary, "broken tar"),
    "large": (lambda: bytes(5 * 1024 * 1024 + 1), "larger than 5 MiB"),
    "lying size": (lying_size, "broken zip"),
    # what two readers would see differently
    "duplicate": (lambda: zip_of((FUNCTION, SOURCE)), "two members share one place: code/function.py"),
    "duplicate by case": (lambda: zip_of(("code/Function.py", b"")), "two members share one place"),
    "duplicate by form": (lambda: zip_of(("code/\u00e9", b""), ("code/e\u0301", b"")), "two members share one place"),
    "file is folder": (lambda: zip_of(("code", b"")), "two members share one place: code"),
    "tar duplicate": (lambda: tar_of((FUNCTION, SOURCE)), "two members share one place"),
    "overlap": (overlapping, "members share the same bytes"),
    "hidden member": (hidden_between, "hidden bytes before code/b.txt"),
    "prepended": (lambda: b"#!/bin/sh\n" + zip_of(), "bytes before the zip's beginning"),
    "trailing": (lambda: zip_of() + b"trailing", "bytes follow the end of the zip"),
    "comment": (lambda: zip_of(comment=b"hello"), "bytes follow the end of the zip"),
    "tar trailing": (lambda: tar_of() + b"x" * 512, "bytes follow the end of the tar"),
    "gzip trailing": (lambda: gzip.compress(tar_of(), mtime=0) + b"x", "bytes follow the end of the compressed"),
    "two gzips": (lambda: gzip.compress(tar_of(), mtime=0) * 2, "bytes follow the end of the compressed"),
    "lying name": (lying_name, "own header contradicts the directory"),
    "zip and tar": (zip_that_is_a_tar, "a zip and a tar at once"),
    "pax size": (pax_size, "a member's size is given by a pax header"),
    "negative size": (negative_size, "impossible"),
    # damage
    "bad crc": (bad_crc, "Bad CRC-32"),
    "encrypted": (encrypted, "encrypted member: code/function.py"),
    "truncated": (lambda: zip_of()[:-30], "broken zip"),
    "truncated tar": (lambda: tar_of()[:700], "the size of code/function.py is impossible"),
    "truncated gzip": (lambda: gzip.compress(tar_of(), mtime=0)[:-20], "ends too early"),
    "corrupt gzip": (lambda: gzip.compress(tar_of(), mtime=0)[:20] + b"\xff" * 40, "broken tar"),
    "method": (lambda: zip_of(method=zipfile.ZIP_BZIP2), "compression method 12"),
    "folder with contents": (lambda: zip_of(("code/d/", b"x" * 9)), "a folder with contents"),
    "empty": (lambda: b"", "neither a zip nor a tar"),
    "empty zip": (lambda: zip_of(policy=False), "nothing in it"),
    "noise": (lambda: bytes(range(256)) * 8, "broken tar"),
    # names that fool a reader
    "escape name": (lambda: zip_of(("code/\x1b[2J", b"")), "control or invisible characters: code/\u241b[2J"),
    "bidi name": (lambda: zip_of(("code/\u202egpj.py", b"")), "control or invisible characters: code/<U+202E>gpj.py"),
    "long name": (lambda: zip_of(("code/" + "n" * 300, b"")), "longer than 255 bytes"),
    "newline name": (lambda: tar_of(("code/a\nb", b"")), "control or invisible characters: code/a\u240ab"),
    # no policy
    "no code folder": (lambda: zip_of(("function.py", SOURCE), policy=False), "function.py is at function.py"),
    "nested": (lambda: zip_of(("p/code/function.py", SOURCE), policy=False), "function.py is at p/code/function.py"),
    "no function": (lambda: zip_of(("code/other.py", SOURCE), policy=False), "code/function.py is missing"),
}  # fmt: skip
