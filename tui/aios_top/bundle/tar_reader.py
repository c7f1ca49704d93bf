"""Reads a tar, packed by gzip, bzip2, xz or not at all, in memory: nothing is extracted."""

import bz2
import io
import lzma
import stat
import tarfile
import zlib
from collections.abc import Iterator

from aios_top.bundle.limits import MAX_MEMBERS, MAX_RATIO, MAX_UNPACKED_BYTES, RATIO_FROM_BYTES, BundleError
from aios_top.bundle.member import Member, checked_name
from aios_top.model.text import clean

_BLOCK = 512
_MAX_RAW_BYTES = MAX_UNPACKED_BYTES + MAX_MEMBERS * 4 * _BLOCK
"""The limit on contents, and room for headers."""
_CHUNK_BYTES = 256 * 1024
_MAX_EXTENSION_BYTES = 64 * 1024
_XZ_MEMORY_BYTES = 96 * 1024 * 1024
_LONG_NAMES = frozenset({tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK})
_PAX = frozenset({tarfile.XHDTYPE, tarfile.XGLTYPE})
_PLAIN = frozenset({tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE})


def read_tar(content: bytes) -> Iterator[Member]:
    """Yield the members of a tar; raises BundleError with the reason when it is refused."""
    try:
        raw = _unpacked(content)
        _check_headers(raw)
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as archive:
            for info in archive:
                yield _read_member(archive, info)
    except (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, ValueError, OverflowError, OSError) as error:
        raise BundleError([f"broken tar: {clean(str(error))}"]) from error


def _unpacked(content: bytes) -> bytes:
    """Return the plain tar; the first pass only counts, so that a bomb costs time up to the limit and no memory."""
    if _unpacker(content) is None:
        return content
    limit = max(RATIO_FROM_BYTES, MAX_RATIO * len(content))
    size = 0
    for chunk in _chunks(content):
        size += len(chunk)
        if size > _MAX_RAW_BYTES:
            raise BundleError([f"unpacks to more than {MAX_UNPACKED_BYTES // 1024**2} MiB"])
        if size > limit:
            raise BundleError([f"unpacks to more than {MAX_RATIO} times its packed size"])
    return b"".join(_chunks(content))


def _chunks(content: bytes) -> Iterator[bytes]:
    unpacker = _unpacker(content)
    pending = content
    while unpacker is not None and not unpacker.eof:
        chunk = unpacker.decompress(pending, _CHUNK_BYTES)
        # zlib hands back what it has not looked at; the other two keep it.
        pending = getattr(unpacker, "unconsumed_tail", b"")
        if not chunk and not pending and not unpacker.eof:
            raise BundleError(["broken tar: the compressed data ends too early"])
        yield chunk
    if unpacker is not None and unpacker.unused_data:
        raise BundleError(["bytes follow the end of the compressed data; pack it again"])


def _unpacker(content: bytes) -> "zlib._Decompress | bz2.BZ2Decompressor | lzma.LZMADecompressor | None":
    """Return what undoes the compression that the first bytes name, None for none."""
    if content.startswith(b"\x1f\x8b"):
        return zlib.decompressobj(wbits=31)
    if content.startswith(b"BZh"):
        return bz2.BZ2Decompressor()
    if content.startswith(b"\xfd7zXZ\x00"):
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY_BYTES)
    return None


def _check_headers(raw: bytes) -> None:
    """Walk the headers once before tarfile does.

    A negative size sends tarfile backwards for ever (CVE-2025-8194), and a size in a pax header moves everything
    behind it, so both are refused; so is whatever stands behind the end marker, which nobody would look at.
    """
    position = members = 0
    while position + _BLOCK <= len(raw) and any(raw[position : position + _BLOCK]):
        info = tarfile.TarInfo.frombuf(raw[position : position + _BLOCK], "utf-8", "surrogateescape")
        position += _BLOCK
        if info.size < 0 or position + info.size > len(raw):
            raise BundleError([f"broken tar: the size of {clean(info.name)} is impossible"])
        if info.type in _LONG_NAMES | _PAX:
            _check_extension(info, raw[position : position + info.size])
        elif info.type not in _PLAIN:
            raise BundleError([f"not a regular file: {clean(info.name)}"])
        else:
            members += 1
        if members > MAX_MEMBERS:
            raise BundleError([f"more than {MAX_MEMBERS} members"])
        position += -(-info.size // _BLOCK) * _BLOCK
    if not members:
        raise BundleError(["neither a zip nor a tar with anything in it"])
    if raw[position:].strip(b"\0"):
        raise BundleError(["bytes follow the end of the tar; pack it again"])


def _check_extension(info: tarfile.TarInfo, payload: bytes) -> None:
    if info.size > _MAX_EXTENSION_BYTES:
        raise BundleError([f"a header of {info.size} bytes before a member"])
    if info.type in _PAX and (b" size=" in payload or b" GNU.sparse" in payload):
        raise BundleError(["a member's size is given by a pax header, or it is sparse; pack it again plainly"])


def _read_member(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    shown = clean(info.name)
    if not (info.isreg() or info.isdir()) or info.issparse():
        raise BundleError([f"not a regular file: {shown}"])
    if info.mode & (stat.S_ISUID | stat.S_ISGID):
        raise BundleError([f"setuid or setgid: {shown}"])
    name = checked_name(info.name, is_folder=info.isdir())
    if info.isdir():
        return Member(name, b"", is_folder=True)
    stream = archive.extractfile(info)
    content = b"" if stream is None else stream.read()
    if len(content) != info.size:
        raise BundleError([f"broken tar: {shown} ends too early"])
    return Member(name, content)
