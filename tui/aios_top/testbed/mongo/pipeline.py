"""MongoDB's aggregation pipelines: the stages that readers of metric documents use."""

from collections.abc import Callable
from functools import partial
from typing import Any

from aios_top.testbed.document import Document
from aios_top.testbed.mongo.expression import evaluate
from aios_top.testbed.mongo.filter import MongoError, select
from aios_top.testbed.mongo.group import group
from aios_top.testbed.mongo.paths import MISSING, resolve
from aios_top.testbed.mongo.projection import project


def aggregate(documents: list[Document], pipeline: Any) -> list[Document]:
    """Run the documents through every stage; raises MongoError for what is no pipeline."""
    if not isinstance(pipeline, list):
        raise MongoError("pipeline must be a list")
    for stage in pipeline:
        documents = _stage(documents, stage)
    return documents


def _stage(documents: list[Document], stage: Any) -> list[Document]:
    if not isinstance(stage, dict) or len(stage) != 1:
        raise MongoError("A pipeline stage specification object must contain exactly one field.")
    ((name, operand),) = stage.items()
    run = _STAGES.get(name)
    if run is None:
        raise MongoError(f"Unrecognized pipeline stage name: '{name}'")
    return run(documents, operand)


def _unwind(documents: list[Document], operand: Any) -> list[Document]:
    path = operand.get("path") if isinstance(operand, dict) else operand
    keep_empty = isinstance(operand, dict) and operand.get("preserveNullAndEmptyArrays") is True
    if not isinstance(path, str) or not path.startswith("$"):
        raise MongoError("path option to $unwind stage should be prefixed with a '$'")
    key = path[1:]
    result: list[Document] = []
    for document in documents:
        value = resolve(document, key)
        if isinstance(value, list) and value:
            result.extend(_replaced(document, key.split("."), member) for member in value)
        elif value not in (MISSING, None, []) or keep_empty:
            result.append(document)
    return result


def _replaced(document: Document, keys: list[str], value: Any) -> Document:
    inner = value if len(keys) == 1 else _replaced(document[keys[0]], keys[1:], value)
    return {**document, keys[0]: inner}


def _limit(documents: list[Document], operand: Any) -> list[Document]:
    if not isinstance(operand, int) or operand < 1:
        raise MongoError("the limit must be positive")
    return documents[:operand]


def _skip(documents: list[Document], operand: Any) -> list[Document]:
    if not isinstance(operand, int) or operand < 0:
        raise MongoError("the skip must not be negative")
    return documents[operand:]


def _sort(documents: list[Document], operand: Any) -> list[Document]:
    if not isinstance(operand, dict) or not operand:
        raise MongoError("$sort stage must have at least one sort key")
    for path, direction in reversed(operand.items()):
        if direction not in (1, -1):
            raise MongoError("$sort key ordering must be 1 (for ascending) or -1 (for descending)")
        documents = sorted(documents, key=partial(_rank, path), reverse=direction < 0)
    return documents


def _rank(path: str, document: Document) -> tuple[int, Any]:
    """Order values as MongoDB does: nothing, numbers, text, the rest (which stays in place)."""
    value = resolve(document, path)
    if value is MISSING or value is None:
        return (0, 0)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (1, value)
    return (2, value) if isinstance(value, str) else (3, 0)


def _count(documents: list[Document], operand: Any) -> list[Document]:
    if not isinstance(operand, str) or not operand:
        raise MongoError("the count field must be a non-empty string")
    return [{operand: len(documents)}] if documents else []


def _add_fields(documents: list[Document], operand: Any) -> list[Document]:
    if not isinstance(operand, dict):
        raise MongoError("$addFields specification stage must be an object")
    result = []
    for document in documents:
        added = {key: evaluate(document, expression) for key, expression in operand.items()}
        result.append({**document, **{key: value for key, value in added.items() if value is not MISSING}})
    return result


_STAGES: dict[str, Callable[[list[Document], Any], list[Document]]] = {
    "$match": select,
    "$unwind": _unwind,
    "$project": project,
    "$addFields": _add_fields,
    "$limit": _limit,
    "$skip": _skip,
    "$sort": _sort,
    "$group": group,
    "$count": _count,
}
