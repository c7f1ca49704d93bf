"""A plan as lines of text: what will be sent, what it is made from, what it will do, and the way back."""

import json

from aios_top.model.change import Plan, PreparedRequest

BODY_LIMIT = 2000
"""Characters of one request's body that are shown; a registration record is longer than anybody reads."""


def plan_lines(plan: Plan) -> list[str]:
    """Return a plan for a terminal or a log."""
    lines = [plan.title]
    for request in plan.requests:
        lines += _request(request)
    lines += [f"  seen    {plan.seen}", f"  effect  {plan.effect}", f"  undo    {plan.undo}"]
    return lines + [f"  warning {warning}" for warning in plan.warnings]


def _request(request: PreparedRequest) -> list[str]:
    lines = [f"  send    {request.method} {request.url}"]
    if request.body is not None:
        lines.append(f"          {_body(request.body)}")
    return lines


def _body(body: object) -> str:
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=True)
    more = len(text) - BODY_LIMIT
    return text if more <= 0 else f"{text[:BODY_LIMIT]}... and {more} more characters"
