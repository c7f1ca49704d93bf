"""What is on the screen, as rows of characters from the compositor."""

import os
from pathlib import Path

from textual.app import App

SNAPSHOTS = Path(__file__).parent / "snapshots"


def screen_text(app: App[None]) -> str:
    """Return the screen as the terminal would show it, one line per row, without trailing spaces."""
    rows = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in rows) + "\n"


def matches_snapshot(app: App[None], name: str) -> None:
    """Compare the screen with the file of this name; UPDATE_SNAPSHOTS=1 writes the file instead."""
    path = SNAPSHOTS / f"{name}.txt"
    shown = screen_text(app)
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown, encoding="utf-8")
    assert path.exists(), f"no snapshot {path.name}: run this test with UPDATE_SNAPSHOTS=1 and look at what it writes"
    assert shown == path.read_text(encoding="utf-8")
