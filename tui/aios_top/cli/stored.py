"""Turns trouble with the program's own files into the one line that ends a command."""

from collections.abc import Iterator
from contextlib import contextmanager

from aios_top.cli.exits import CommandError
from aios_top.store.paths import StoreError


@contextmanager
def stored() -> Iterator[None]:
    """Name the file and the cause when the configuration or the audit file cannot be used."""
    try:
        yield
    except StoreError as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"{error.filename or 'audit file'}: {error.strerror or error}") from error
