"""Named sets of parameters: those shipped beside the policy, and files of the same kind."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from aios_top.bundle.limits import BundleError
from aios_top.model.text import clean

MAX_BYTES = 256 * 1024


class ParameterSet(Struct, frozen=True):
    """Parameters under a name."""

    name: str
    parameters: Mapping[str, Any]


def read_parameter_set(named: str, shipped_sets: Path) -> ParameterSet:
    """Return the set of that name in the folder `shipped_sets`, else the one in the file of that path.

    A file holds the parameters as a JSON object, or an object with them in `parameters`. Raises BundleError.
    """
    known = sorted(path.stem for path in shipped_sets.glob("*.json"))
    path = shipped_sets / f"{named}.json" if named in known else Path(named)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        choices = ", ".join(known)
        raise BundleError([f"{named}: {error.strerror}; name a file, or one of {choices}"]) from error
    return ParameterSet(named if named in known else path.stem, _parameters(named, content))


def _parameters(named: str, content: bytes) -> Mapping[str, Any]:
    if len(content) > MAX_BYTES:
        raise BundleError([f"{named}: larger than {MAX_BYTES // 1024} KiB; is this a set of parameters?"])
    try:
        document = json.loads(content, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise BundleError([f"{named}: no JSON: {clean(str(error), 200)}"]) from error
    found = document.get("parameters", document) if isinstance(document, dict) else document
    if not isinstance(found, dict):
        raise BundleError([f"{named}: holds no JSON object of parameters"])
    return found


def _refused(text: str) -> Any:
    raise ValueError(f"{text} is no number that JSON has")
