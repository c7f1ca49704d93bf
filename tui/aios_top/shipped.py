"""Finds the files that travel beside the package: the policy and the themes."""

from importlib.resources import files
from pathlib import Path


def shipped(name: str) -> Path:
    """Return the folder `policy` or `themes`, in an installed wheel or in a checkout.

    Raises FileNotFoundError when the installation lacks it.
    """
    package = Path(str(files("aios_top")))
    for folder in (package / "_shipped" / name, package.parent.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"{name}: not found beside the package at {package}; reinstall aios-top")
