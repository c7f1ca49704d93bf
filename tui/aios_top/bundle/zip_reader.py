"""Reads a zip in memory: nothing is extracted, and nothing may hide between or behind its members."""

import io
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator

from aios_top.bundle.limits import RATIO_FROM_BYTES, BundleError, ZipLimits
from aios_top.bundle.member import Member, checked_name
from aios_top.model.text import clean

_MAGIC = b"PK\x03\x04"
_END_MAGIC = b"PK\x05\x06"
_LOCAL = struct.Struct("<4s5H3L2H")
_END = struct.Struct("<4s4H2LH")
_ENCRYPTED = 0x1 | 0x40
_STREAMED = 0x8
"""Flag: sizes and CRC follow the data, in a descriptor."""
_DESCRIPTOR_BYTES = 24


def looks_like_zip(content: bytes) -> bool:
    """Return whether the beginning or the end is a zip's; Python's reader is content with the end."""
    return content.startswith(_MAGIC) or content[-_END.size :].startswith(_END_MAGIC)


_POLICY = ZipLimits()


def read_zip(content: bytes, limits: ZipLimits = _POLICY) -> Iterator[Member]:
    """Yield the members of a zip; raises BundleError with the reason when it is refused."""
    if not content.startswith(_MAGIC):
        raise BundleError(["bytes before the zip's beginning, or nothing in it; pack it again"])
    _refuse_tar(content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = archive.infolist()
            if len(infos) > limits.members:
                raise BundleError([f"more than {limits.members} members"])
            _check_layout(content, archive, infos)
            if sum(info.file_size for info in infos) > limits.unpacked_bytes:
                raise BundleError([f"unpacks to more than {limits.unpacked_bytes // 1024**2} MiB"])
            for info in infos:
                yield _read_member(archive, info, limits.ratio)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, struct.error, ValueError) as error:
        raise BundleError([f"broken zip: {clean(str(error))}"]) from error


def _refuse_tar(content: bytes) -> None:
    """Refuse a zip whose first block is a tar header too: AIOS tries tar first and would see other files."""
    try:
        tarfile.TarInfo.frombuf(content[:512], "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        return
    raise BundleError(["the archive is a zip and a tar at once; AIOS would unpack the other one"])


def _check_layout(content: bytes, archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo]) -> None:
    """Refuse bytes before, between and behind the members, and members that share bytes."""
    if len(content) < _END.size or not content[-_END.size :].startswith(_END_MAGIC) or archive.comment:
        raise BundleError(["bytes follow the end of the zip; pack it again without a comment"])
    _, _, _, _, _, directory_bytes, directory_start, _ = _END.unpack(content[-_END.size :])
    if directory_start + directory_bytes != len(content) - _END.size:
        raise BundleError(["hidden bytes before the zip's end record; pack it again"])
    position = slack = 0
    for info in sorted(infos, key=lambda entry: entry.header_offset):
        if info.header_offset < position:
            raise BundleError([f"members share the same bytes: {clean(info.filename)}"])
        if info.header_offset - position > slack:
            raise BundleError([f"hidden bytes before {clean(info.filename)}"])
        position = _end_of(content, info)
        slack = _DESCRIPTOR_BYTES if info.flag_bits & _STREAMED else 0
    if not 0 <= directory_start - position <= slack:
        raise BundleError(["hidden bytes between the last member and the directory"])


def _end_of(content: bytes, info: zipfile.ZipInfo) -> int:
    """Return where a member's data ends; its own header must agree with the directory."""
    header = content[info.header_offset : info.header_offset + _LOCAL.size]
    if len(header) < _LOCAL.size or not header.startswith(_MAGIC):
        raise BundleError([f"the member's own header is missing: {clean(info.filename)}"])
    _, _, flags, method, _, _, _, packed, unpacked, name_bytes, extra_bytes = _LOCAL.unpack(header)
    start = info.header_offset + _LOCAL.size
    name = content[start : start + name_bytes].decode("utf-8" if flags & 0x800 else "cp437", "replace")
    sizes_agree = (packed, unpacked) == (info.compress_size, info.file_size) or flags & _STREAMED
    if name != info.orig_filename or method != info.compress_type or not sizes_agree:
        raise BundleError([f"the member's own header contradicts the directory: {clean(info.filename)}"])
    return int(start + name_bytes + extra_bytes + info.compress_size)


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, ratio: int) -> Member:
    shown = clean(info.filename)
    mode = info.external_attr >> 16
    if info.flag_bits & _ENCRYPTED:
        raise BundleError([f"encrypted member: {shown}"])
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise BundleError([f"compression method {info.compress_type} of {shown} is not read here; use deflate"])
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise BundleError([f"not a regular file: {shown}"])
    if mode & (stat.S_ISUID | stat.S_ISGID):
        raise BundleError([f"setuid or setgid: {shown}"])
    name = checked_name(info.orig_filename, is_folder=info.is_dir())
    if info.is_dir() and info.file_size:
        raise BundleError([f"a folder with contents: {shown}"])
    if info.file_size > max(RATIO_FROM_BYTES, ratio * info.compress_size):
        raise BundleError([f"{shown} unpacks to more than {ratio} times its packed size"])
    with archive.open(info) as stream:
        content = stream.read(info.file_size + 1)  # reads to the end, so the CRC is checked
    if len(content) != info.file_size:
        raise BundleError([f"{shown} does not have the size that the directory gives"])
    return Member(name, content, info.is_dir())
