"""The process exit codes, and the error that ends a command with one of them."""

DONE = 0
FAILED = 1
USAGE = 2
UNKNOWN = 3
INTERNAL = 70
INTERRUPTED = 130
BROKEN_PIPE = 141

EXPLANATION = """\
exit codes:
  0    done
  1    refused or failed; nothing is retried by itself
  2    usage: wrong arguments, no such file, no address, or no terminal
  3    outcome unknown: sent, but no answer came; check before you repeat it
  70   internal error; 130 interrupted; 141 the reader of the output went away"""


class CommandError(Exception):
    """Ends a command: the message is one line with the cause and the next step."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class UsageError(CommandError):
    """What was asked cannot be done with these arguments."""

    def __init__(self, message: str) -> None:
        super().__init__(message, USAGE)
