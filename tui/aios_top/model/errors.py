"""Expected failures that cross a layer as exceptions."""


class ReadError(Exception):
    """A read that failed: `kind` is one word for programs, the message one sentence with the cause.

    Kinds: timeout, refused, dns, tls, protocol, truncated, too_large, encoding, redirect, not_authorised, busy,
    http, bad_json, shape, failure (AIOS said success false), no_address.
    """

    def __init__(self, kind: str, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.retry_after_seconds = retry_after_seconds


class ActionRefusedError(Exception):
    """The console will not send a change; the message names the cause and the next step."""


class PastError(Exception):
    """A recording cannot be read; the message names it and the cause."""
