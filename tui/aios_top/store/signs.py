"""What is seen at once of decisions, out of a segment's columns: a fraction of the time that it takes to make them."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from aios_top.model.decision import Action, Origin
from aios_top.model.text import Clean, clean
from aios_top.store.decided import is_shortened, says_it_in_its_record
from aios_top.store.documents import Documents
from aios_top.store.leaves import Path

_RUNNING = ("boot_id",)
_DERIVED = ("decision", "derived")
_OF_DECISION: tuple[Path, ...] = tuple(
    ("decision", name) for name in ("at", "seq", "boot_id", "action", "current", "proposed")
)
_OF_RECORD: tuple[Path, ...] = tuple(
    ("decision", "record", *path)
    for path in (("ts",), ("seq",), ("boot_id",), ("outcome",), ("replicas", "current"), ("replicas", "proposed"))
)
"""Where a record has the same."""
_ACTIONS: Mapping[str, Action] = {action.value: action for action in Action}
_LONGEST = 1000


class Sign(Struct, frozen=True, gc=False):
    """A decision as far as it is seen at once; satisfies `model.decision.Outline`."""

    at: float
    seq: int | None
    boot_id: Clean | None
    action: Action
    current: int | None
    proposed: int | None
    running: Clean | None
    """The boot of the policy that told it."""
    is_gap: bool = False
    """Whether only a gap was told, and no decision."""

    @property
    def origin(self) -> Origin:
        """Where it comes from: a recording keeps what was told."""
        return Origin.REPORTED


def signs(decided: Documents) -> Sequence[Sign]:
    """Return one per row; raises what reading a damaged part ends in."""
    running = decided.column(_RUNNING)
    columns = {paths: [decided.column(path) for path in paths] for paths in (_OF_RECORD, _OF_DECISION)}
    derived = decided.column(_DERIVED)
    found = []
    for row in range(len(decided.polls)):
        if decided.has(row, _DERIVED, *_OF_RECORD) and says_it_in_its_record(derived[row]):
            values = [column[row] for column in columns[_OF_RECORD]]
        elif decided.has(row, *_OF_DECISION):
            values = [column[row] for column in columns[_OF_DECISION]]
        else:
            document = decided.document(row)
            found.append(_sign_of(document["boot_id"], document["decision"]))
            continue
        found.append(_sign(running[row], *values))
    return found


def _sign_of(running: Any, decision: dict[str, Any] | None) -> Sign:
    """Return the sign of a decision's document, that of a gap for none."""
    if decision is None:
        return Sign(0.0, None, None, Action.HOLD, None, None, _name(running), is_gap=True)
    in_record = is_shortened(decision) and says_it_in_its_record(decision["derived"])
    paths = _OF_RECORD if in_record else _OF_DECISION
    return _sign(running, *(_at(decision, path[1:]) for path in paths))


def _at(document: Any, path: Path) -> Any:
    for step in path:
        document = document[step]
    return document


def _sign(running: Any, at: Any, seq: Any, boot_id: Any, action: Any, current: Any, proposed: Any) -> Sign:
    """Return a sign; what a file says that nobody here wrote is an error or not known."""
    if type(at) not in {float, int} or type(seq) not in {int, type(None)}:
        raise ValueError("a decision without a time or with a number that is none")
    return Sign(
        at,
        seq,
        _name(boot_id),
        _ACTIONS.get(action, Action.ERROR) if type(action) is str else Action.ERROR,
        current if type(current) is int else None,
        proposed if type(proposed) is int else None,
        _name(running),
    )


def _name(found: Any) -> Clean | None:
    return None if found is None else clean(str(found), _LONGEST)
