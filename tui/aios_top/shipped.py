"""Finds the files that travel with the package: the policy and the themes beside it, the guide inside."""

from pathlib import Path

_PACKAGE = Path(__file__).parent
FIRST_TOPIC = "first-steps"


def shipped(name: str) -> Path:
    """Return the folder `policy` or `themes`, in an installed wheel or in a checkout.

    Raises FileNotFoundError when the installation lacks it.
    """
    for folder in (_PACKAGE / "_shipped" / name, _PACKAGE.parent.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"{name}: not found beside the package at {_PACKAGE}; reinstall aios-top")


def guide() -> dict[str, str]:
    """Return the pages of the guide, Markdown by topic, the one to begin with first."""
    pages = {path.stem: path.read_text(encoding="utf-8") for path in _PACKAGE.glob("guide/*.md")}
    return dict(sorted(pages.items(), key=lambda page: (page[0] != FIRST_TOPIC, page[0])))
