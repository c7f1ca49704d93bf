"""Parameters as they are typed on a command line: `NAME=VALUE` words."""

from typing import Any

from aios_top.cli.exits import UsageError
from aios_top.model.draft import parse_assignment


def assigned(words: list[str]) -> dict[str, Any]:
    """Return the values by name; one name twice is a mistake, not a choice."""
    values: dict[str, Any] = {}
    for word in words:
        try:
            name, value = parse_assignment(word)
        except ValueError as error:
            raise UsageError(str(error)) from error
        if name in values:
            raise UsageError(f"{name} is given twice")
        values[name] = value
    return values
