"""Aggregation expressions: field paths, literals and the few operators worth having over metrics."""

from typing import Any

from aios_top.testbed.document import Document
from aios_top.testbed.mongo.filter import MongoError
from aios_top.testbed.mongo.paths import MISSING, resolve


def evaluate(document: Document, expression: Any) -> Any:
    """Return the expression's value for one document, MISSING where a field path leads nowhere."""
    if isinstance(expression, str) and expression.startswith("$$ROOT"):
        return document if expression == "$$ROOT" else resolve(document, expression.removeprefix("$$ROOT."))
    if isinstance(expression, str) and expression.startswith("$"):
        return resolve(document, expression[1:])
    if isinstance(expression, list):
        return [_or_none(evaluate(document, member)) for member in expression]
    if isinstance(expression, dict):
        return _object(document, expression)
    return expression


def _object(document: Document, expression: Document) -> Any:
    operators = [key for key in expression if key.startswith("$")]
    if not operators:
        values = {key: evaluate(document, member) for key, member in expression.items()}
        return {key: value for key, value in values.items() if value is not MISSING}
    if len(expression) != 1:
        raise MongoError("an object representing an expression must have exactly one field")
    ((name, operand),) = expression.items()
    if name == "$literal":
        return operand
    if name == "$size":
        value = evaluate(document, operand)
        if not isinstance(value, list):
            raise MongoError("The argument to $size must be an array")
        return len(value)
    if name == "$ifNull":
        return next((value for value in evaluate(document, operand) if value is not None), None)
    raise MongoError(f"Unrecognized expression '{name}'")


def _or_none(value: Any) -> Any:
    return None if value is MISSING else value
