"""Commands that are shown to be copied: quoted for a shell, with the options that lead to the same AIOS."""

import shlex


def command(*words: str, reach: str = "") -> str:
    """Return a command of this program; `reach` are options as typed, e.g. `--context prod`."""
    return " ".join(filter(None, ("aios-top", shlex.join(words), reach)))
