"""Texts that a hostile tenant could name an instance: each acts on a careless terminal or fools its reader."""

import zlib
from typing import Any

TEXTS = (
    "\x1b[2J\x1b[H",  # clear the screen
    "\x1b]0;PWNED\x07",  # set the title
    "\x1b]52;c;cm0gLXJmIC8=\x07",  # write the clipboard
    "\x1b]8;;http://evil.example\x07click\x1b]8;;\x07",  # a link
    "\x1b[?1049l\x1bc",  # leave the alternate screen, reset
    "\x1b[6n\x1b[c",  # questions that a terminal answers into the input
    "\x1b]0;unterminated",
    "\x9b31m\x90q\x9c",  # C1 controls
    "in-\r\n00:00:00 ok",  # a forged line
    "\u202egnp.exe",  # reads from right to left
    "in-\u200bzero\ufeffwidth",
    "\U000e0041tags",
    "[/]",  # markup without a beginning
    "[@click=app.quit]quit[/]",
    "[link=http://evil.example]x[/link]",
    "\u0440\u0430ypal",  # Cyrillic letters
    "Z\u0351\u036b\u0343\u036a\u0302a\u0328\u0337l\u0335g\u0321o",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea",
    "=cmd|'/c calc'!A0",
    "../../etc/passwd",
    "x" * 10_000,
)


def in_every_id(record: dict[str, Any]) -> None:
    """Put one of the texts behind a document's id, the same for the same id."""
    name = str(record["instanceId"])
    if name != "executor":
        record["instanceId"] = f"{name}{TEXTS[zlib.crc32(name.encode()) % len(TEXTS)]}"
