"""A length of time as people type it."""

import re

_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)")
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def seconds_of(text: str) -> float | None:
    """Return the seconds of `90`, `90s`, `10m`, `1h30m`, `1d`; None for anything else."""
    typed = text.strip().lower()
    parts = list(_PART.finditer(typed))
    if not parts or _PART.sub("", typed).strip() or len(typed) > 20:
        return None
    if len(parts) > 1 and not all(part[2] for part in parts):
        return None
    return sum(float(part[1]) * _UNITS[part[2]] for part in parts)
