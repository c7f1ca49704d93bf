"""The entry point of the program: reads the command line, runs one command, returns its exit code."""

import codecs
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from types import ModuleType

from aios_top.cli.exits import BROKEN_PIPE, FAILED, INTERNAL, INTERRUPTED, CommandError
from aios_top.cli.parser import parsed
from aios_top.model.errors import ActionRefusedError, ReadError

DEBUG_VARIABLE = "AIOS_TOP_DEBUG"
_STAND_INS = "aios-top-stand-ins"
"""Name of the way in which characters are printed that an encoding lacks."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's own) and return the exit code."""
    _survive_any_encoding()
    try:
        args = parsed(argv)
        code: int = _command(args.module).run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return INTERRUPTED
    except CommandError as error:
        return _fail(str(error), error.exit_code)
    except ActionRefusedError as error:
        return _fail(f"refused: {error}", FAILED)
    except ReadError as error:
        return _fail(str(error), FAILED)
    except OSError as error:
        return _fail(f"cannot write or read: {error}", FAILED)
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        what = f"internal error: {type(error).__name__}: {error}"
        return _fail(f"{what}; this is a bug, {DEBUG_VARIABLE}=1 shows where", INTERNAL)
    return code


def _command(name: str) -> ModuleType:
    """Import a command. What an import makes stays: looking for garbage among it took a tenth of the time."""
    gc.disable()
    try:
        return import_module(f"aios_top.cli.commands.{name}")
    finally:
        gc.freeze()
        gc.enable()


def _fail(message: str, code: int) -> int:
    """Print the cause in one line."""
    print(f"aios-top: {' '.join(message.split())}", file=sys.stderr)
    return code


def _forget_stdout() -> None:
    """Keep the interpreter from complaining about the closed pipe at its final flush."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _survive_any_encoding() -> None:
    """Print what the terminal's encoding lacks as its stand-in, else as its escape; text of a server may hold any."""
    codecs.register_error(_STAND_INS, _stood_in)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=_STAND_INS)


def _stood_in(error: UnicodeError) -> tuple[str | bytes, int]:
    from aios_top.render.ascii import stand_in  # few terminals need it

    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(stand_in(each) or each.encode("ascii", "backslashreplace").decode() for each in lacking), error.end
