"""One file of an archive, and the rules for its name that keep it inside the folder it is unpacked to."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from msgspec import Struct

from aios_top.bundle.limits import MAX_NAME_BYTES, BundleError
from aios_top.model.text import clean


class Member(Struct, frozen=True):
    """A regular file, or a folder, with its bytes in memory."""

    name: str
    """With `/` between the parts and none at the end."""
    content: bytes
    is_folder: bool = False


def checked_name(raw: str, *, is_folder: bool) -> str:
    """Return a member's name; raises BundleError for one that could leave the folder or fool a reader."""
    shown = clean(raw)
    if len(raw.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES:
        raise BundleError([f"a member's name is longer than {MAX_NAME_BYTES} bytes: {shown}"])
    if not raw.isprintable():
        raise BundleError([f"a member's name has control or invisible characters: {shown}"])
    if "\\" in raw or raw.startswith("/") or re.match(r"[A-Za-z]:", raw):
        raise BundleError([f"a member's name is not a relative path: {shown}"])
    parts = (raw.removesuffix("/") if is_folder else raw).split("/")
    if parts[0] == "." and (is_folder or len(parts) > 1):  # `tar cf x.tar .` begins every name so
        parts = parts[1:]
    if any(part in {"", ".", ".."} for part in parts):
        raise BundleError([f"a member's name would leave the archive's folder: {shown}"])
    return "/".join(parts)


def checked_members(members: Iterable[Member]) -> Iterator[Member]:
    """Pass members on; raises BundleError when two would land in one place, also where case does not count."""
    files: set[str] = set()
    folders: set[str] = set()
    for member in members:
        key = unicodedata.normalize("NFC", member.name).casefold()
        parents = {key[:position] for position, letter in enumerate(key) if letter == "/"}
        if key in files or (key in folders and not member.is_folder) or parents & files:
            raise BundleError([f"two members share one place: {clean(member.name)}"])
        (folders if member.is_folder else files).add(key)
        folders |= parents
        yield member
