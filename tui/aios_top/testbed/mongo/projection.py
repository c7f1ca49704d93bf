"""The `$project` stage: inclusion, exclusion and computed fields, also inside arrays."""

from typing import Any

from aios_top.testbed.document import Document
from aios_top.testbed.mongo.expression import evaluate
from aios_top.testbed.mongo.filter import MongoError
from aios_top.testbed.mongo.paths import MISSING

Tree = dict[str, Any]
"""A projection with its dots undone: field -> 1, 0, an expression, or a deeper Tree."""


def project(documents: list[Document], specification: Any) -> list[Document]:
    """Return every document with only the fields that the projection keeps or computes."""
    if not isinstance(specification, dict) or not specification:
        raise MongoError("$project specification must have at least one field")
    tree = _tree(specification)
    excludes = _excludes(tree)
    if excludes:
        return [_without(document, tree) for document in documents]
    return [_including(document, tree, document) for document in documents]


def _tree(specification: Document) -> Tree:
    tree: Tree = {}
    for path, wanted in specification.items():
        if not path or path.startswith("$") or "" in path.split("."):
            raise MongoError(f"FieldPath must be a valid name: '{path}'")
        *way, last = path.split(".")
        holder = tree
        for key in way:
            holder = holder.setdefault(key, {})
            if not isinstance(holder, dict):
                raise MongoError(f"Path collision at {path}")
        if last in holder:
            raise MongoError(f"Path collision at {path}")
        holder[last] = _tree(wanted) if _is_nested(wanted) else wanted
    return tree


def _is_nested(wanted: Any) -> bool:
    return isinstance(wanted, dict) and not any(key.startswith("$") for key in wanted)


def _leaves(tree: Tree) -> list[Any]:
    return [leaf for value in tree.values() for leaf in (_leaves(value) if _is_nested(value) else [value])]


def _is_flag(leaf: Any) -> bool:
    return isinstance(leaf, bool | int | float)


def _excludes(tree: Tree) -> bool:
    """Tell exclusion from inclusion; `_id: 0` goes with both, and anything else must not be mixed."""
    flags = [bool(leaf) for leaf in _leaves({**tree, "_id": {}}) if _is_flag(leaf)]
    computed = any(not _is_flag(leaf) for leaf in _leaves(tree))
    if (False in flags) and (True in flags or computed):
        raise MongoError("Invalid $project: cannot mix inclusion and exclusion")
    return False in flags or (not flags and not computed)


def _including(value: Document, tree: Tree, root: Document) -> Document:
    kept: Document = {}
    for key, member in value.items():
        if key not in tree:
            if key == "_id" and value is root:
                kept[key] = member
            continue
        wanted = tree[key]
        if _is_nested(wanted):
            inner = _nested(member, wanted, root)
            if inner is not MISSING:
                kept[key] = inner
        elif _is_flag(wanted) and wanted:
            kept[key] = member
    for key, wanted in tree.items():
        if _is_nested(wanted) and key not in value and not any(_is_flag(leaf) for leaf in _leaves(wanted)):
            kept[key] = _including({}, wanted, root)
        elif not _is_nested(wanted) and not _is_flag(wanted):
            computed = evaluate(root, wanted)
            if computed is not MISSING:
                kept[key] = computed
    return kept


def _nested(member: Any, tree: Tree, root: Document) -> Any:
    """Go into an object, or into every object of an array; what is neither has no such field and is dropped."""
    if isinstance(member, dict):
        return _including(member, tree, root)
    if isinstance(member, list):
        inner = [_nested(item, tree, root) for item in member]
        return [item for item in inner if item is not MISSING]
    return MISSING


def _without(value: Any, tree: Tree) -> Any:
    if isinstance(value, list):
        return [_without(item, tree) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _without(member, tree[key]) if _is_nested(tree.get(key)) else member
        for key, member in value.items()
        if key not in tree or _is_nested(tree[key]) or tree[key]
    }
