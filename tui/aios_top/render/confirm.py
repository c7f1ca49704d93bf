"""A plan as the confirm dialog shows it: what is sent, what it was made from, what follows, the way back."""

import json
from typing import Any

from aios_top.model.change import Plan, PreparedRequest
from aios_top.model.text import clean
from aios_top.render.cells import Role, Row
from aios_top.render.wrap import Breaking, labelled, wrap

BODY_LIMIT = 1200
"""Characters of one body that are shown; the rest is counted. A registration record alone has more."""
_URL_LIMIT = 600
_SENTENCE_LIMIT = 20_000
"""Long enough for the names of hundreds of instances: which of them go must be read before it is sent."""


def plan_rows(plan: Plan, columns: int, breaking: Breaking = wrap) -> list[Row]:
    """Return a plan in lines of at most `columns` columns, its title left out; `breaking` makes them of sentences."""
    rows: list[Row] = []
    for request in plan.requests:
        rows += _request(request, columns)
    rows += labelled("seen", clean(plan.seen, _SENTENCE_LIMIT), columns, breaking=breaking)
    rows += labelled("effect", clean(plan.effect, _SENTENCE_LIMIT), columns, Role.ACCENT, breaking=breaking)
    rows += labelled("undo", clean(plan.undo, _SENTENCE_LIMIT), columns, breaking=breaking)
    for doubt in plan.trust:
        rows += labelled("trust", clean(doubt, _SENTENCE_LIMIT), columns, Role.BAD, breaking=breaking)
    for warning in plan.warnings:
        rows += labelled("careful", clean(warning, _SENTENCE_LIMIT), columns, Role.WARN, breaking=breaking)
    return rows


def _request(request: PreparedRequest, columns: int) -> list[Row]:
    rows = labelled("send", f"{request.method} {clean(request.url, _URL_LIMIT)}", columns, Role.TITLE)
    if request.body is not None:
        rows += labelled("", _body(request.body), columns)
    return rows


def _body(body: Any) -> str:
    """Return a body as one line of JSON; a description of a form as it is."""
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, default=str)
    more = len(text) - BODY_LIMIT
    return (
        clean(text, BODY_LIMIT) if more <= 0 else f"{clean(text[:BODY_LIMIT], BODY_LIMIT)} and {more} more characters"
    )
