"""Tells success from failure, which each AIOS service wraps in its own way and which the status alone never tells."""

from collections.abc import Iterator
from typing import Any

from aios_top.aios.exchange import Answer
from aios_top.aios.json_text import decode
from aios_top.model.errors import ReadError
from aios_top.model.text import clean

REASON_LIMIT = 300
"""Characters of a server's reason that a message repeats."""
NO_REASON = "no reason given"


class FailureError(ReadError):
    """AIOS answered, and the answer is no."""

    def __init__(self, message: str, *, service: str, status: int, reason: str) -> None:
        super().__init__("failure", message)
        self.service = service
        self.status = status
        self.reason = reason
        """The service's own words as sent, for recognising, never for showing."""


def document(answer: Answer, *, not_finite: float | None = None) -> Any:
    """Return an answer's JSON, whatever it says; raises ReadError for anything that is no JSON.

    `not_finite` takes the place of a NaN or an infinity, which JSON does not have but Python's services may send.
    """
    if not is_json(answer):
        kind = answer.content_type or "something without a content type"
        if answer.status >= 400:
            raise ReadError("http", f"{answer.service} answers {answer.status} with {kind}: is this its address?")
        raise ReadError(
            "shape", f"{answer.service} answers {answer.status} with {kind} instead of JSON: wrong address?"
        )
    if not answer.body:
        raise ReadError("http", f"{answer.service} answers {answer.status} without a body")
    return decode(answer.body, answer.service, not_finite=not_finite)


def record(answer: Answer) -> Any:
    """Return the document of a service without envelope (blocks, clusters), which says failure by its status."""
    found = document(answer)
    if answer.status >= 400:
        raise _failure(answer, reason_of(found) if isinstance(found, dict) else NO_REASON)
    return found


def outer(answer: Answer) -> dict[str, Any]:
    """Return an envelope that says success itself, whatever it wraps; raises ReadError."""
    return _judged(answer, document(answer))


def data(answer: Answer, *, not_finite: float | None = None) -> Any:
    """Return what an envelope gives as `data`; raises ReadError."""
    envelope = _judged(answer, document(answer, not_finite=not_finite))
    if "data" not in envelope:
        raise ReadError("shape", f"{answer.service} answers success without data: unexpected shape")
    return envelope["data"]


def innermost(answer: Answer) -> dict[str, Any]:
    """Return the innermost envelope, each on the way to it having said success; raises ReadError."""
    for level in _levels(document(answer)):
        last = _judged(answer, level)
    return last


def is_json(answer: Answer) -> bool:
    """Whether the body claims to be JSON; a server that claims nothing is given the benefit of the doubt."""
    kind = answer.content_type
    return kind in {"", "application/json"} or kind.endswith("+json")


def _levels(found: Any) -> Iterator[Any]:
    """Yield an envelope, the one it wraps, and so on: the gateway wraps in `data`, the parser in `result`."""
    while True:
        yield found
        inner = found.get("result", found.get("data")) if isinstance(found, dict) else None
        if not isinstance(inner, dict) or not ("success" in inner or (len(inner) == 1 and "error" in inner)):
            return
        found = inner


def _judged(answer: Answer, level: Any) -> dict[str, Any]:
    """Return an envelope that says success; raises ReadError."""
    if not isinstance(level, dict) or not level.keys() & {"success", "error"}:
        if not 200 <= answer.status < 300:
            raise ReadError("http", f"{answer.service} answers {answer.status} without saying why")
        raise ReadError("shape", f"{answer.service} answers without success or error: unexpected shape")
    success = level.get("success", False)
    if not isinstance(success, bool):
        raise ReadError("shape", f"{answer.service} answers success {clean(repr(success))}: unexpected shape")
    if not success:
        raise _failure(answer, reason_of(level))
    if answer.status >= 400:
        raise _failure(answer, f"status {answer.status}, although the body says success")
    return level


def reason_of(level: dict[str, Any]) -> str:
    """Find the words of a failure; the services name them in three ways, chat nests them."""
    for key in ("message", "error", "data"):
        words = level.get(key)
        if isinstance(words, dict):
            words = words.get("message")
        if isinstance(words, str) and words:
            return words
    return NO_REASON


def _failure(answer: Answer, reason: str) -> FailureError:
    said = clean(reason, REASON_LIMIT)
    return FailureError(
        f"{answer.service} says no: {said}", service=answer.service, status=answer.status, reason=reason
    )
