"""Cells of a CSV file that a spreadsheet shows and never calculates."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""First characters at which a spreadsheet takes a text for a formula, or skips to one."""


def inert(text: str) -> str:
    """Return a text with an apostrophe before it where a spreadsheet would calculate it."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
