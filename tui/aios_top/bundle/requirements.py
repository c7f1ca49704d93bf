"""Checks a policy's requirements.txt, on which AIOS runs pip at every start of the autoscaler."""

import re
from collections.abc import Iterator

from aios_top.bundle.limits import MAX_REQUIREMENTS_BYTES
from aios_top.model.text import clean

FOREIGN = "is code from a place of its own"
"""Words of the warnings that need a confirmation of their own."""
_NAMED = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(\[[A-Za-z0-9._,\s-]*\])?\s*"
    r"(\(?[<>=!~][^;@]*\)?)?\s*(;.*)?"
)
_URL = re.compile(r"(@\s*\S+)|([A-Za-z][A-Za-z0-9+.-]*://)|^[./~]|\.(whl|zip|tar\.\w+)\b")


def check_requirements(name: str, content: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return problems and warnings."""
    if len(content) > MAX_REQUIREMENTS_BYTES:
        return (f"{name}: larger than {MAX_REQUIREMENTS_BYTES // 1024} KiB",), ()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return (f"{name}: not UTF-8",), ()
    problems, warnings = [], []
    for number, wanted in _wanted(text):
        where, shown = f"{name} line {number}", clean(wanted)
        if wanted.startswith("-") or re.search(r"\s--?[A-Za-z]", wanted):
            problems.append(f"{where}: pip option '{shown}' is not accepted: it can change where packages come from")
        elif _URL.search(wanted):
            warnings.append(f"{where}: '{shown}' {FOREIGN}; confirm only if you trust it")
        elif _NAMED.fullmatch(wanted):
            warnings.append(
                f"{where}: AIOS installs '{shown}' at every start of the autoscaler; offline it fails there"
            )
        else:
            problems.append(f"{where}: '{shown}' is not a requirement")
    return tuple(problems), tuple(warnings)


def wanted_lines(content: bytes) -> tuple[str, ...]:
    """Return what pip would install: the lines that are neither empty nor a comment."""
    return tuple(clean(line) for _, line in _wanted(content.decode("utf-8", "replace")))


def _wanted(text: str) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line that means something."""
    for number, line in enumerate(text.replace("\\\n", " ").splitlines(), start=1):
        wanted = re.sub(r"(^|\s)#.*", "", line).strip()
        if wanted:
            yield number, wanted
