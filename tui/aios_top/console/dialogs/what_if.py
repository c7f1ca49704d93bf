"""Asks which parameters are to be other than they were."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from aios_top.console.dialogs.dialog import Button, Dialog
from aios_top.console.dialogs.field import Field
from aios_top.model.draft import parse_assignment
from aios_top.model.schema import shown
from aios_top.model.state import BlockState
from aios_top.render.cells import Cell, Role, Row
from aios_top.render.numbers import clock, count
from aios_top.render.wrap import wrap


class WhatIfDialog(Dialog[Mapping[str, Any]]):
    """Answers with the changes; none of them asks whether the decisions come out the same."""

    widest = 78

    def __init__(self, block: BlockState, changes: str) -> None:
        field = Field("changes", "changes", changes, "name=value ...")
        super().__init__(f"What if  {block.block_id}", fields=[field], buttons=(self.CANCEL, Button("start", "Ask")))
        self._block = block

    def body(self, columns: int) -> list[Row]:
        """Return what is asked, of which decisions, and what the parameters are."""
        decisions = self._block.decisions
        about = (
            f"Takes {count(len(decisions), 'decision')}, {clock(decisions[-1].at)} to {clock(decisions[0].at)}, again"
            " with other parameters: exactly up to the first other action, estimated beyond it. It sends nothing."
        )
        in_force = ", ".join(f"{name}={shown(value)}" for name, value in self._block.in_force.items())
        rows = [Row((Cell(line, Role.DIM),)) for line in wrap(about, columns)]
        rows += [Row((Cell(line),)) for line in wrap(f"in force: {in_force or 'the defaults'}", columns)]
        return [*rows, Row((Cell(""),))]

    def problem(self) -> str:
        """Return what is wrong with the changes."""
        try:
            parse_changes(self.fields["changes"].text)
        except ValueError as error:
            return str(error)
        return ""

    def press(self, _button: str) -> None:
        """Take them."""
        if not self.problem():
            self.answer(parse_changes(self.fields["changes"].text))


def parse_changes(text: str) -> dict[str, Any]:
    """Return names and values of `name=value name=value`, quoted where a value has spaces; raises ValueError."""
    return dict(map(parse_assignment, shlex.split(text)))


def typed_changes(changes: Mapping[str, Any]) -> str:
    """Return changes as they would be typed."""
    typed = {name: value if isinstance(value, str) else json.dumps(value) for name, value in changes.items()}
    return " ".join(shlex.quote(f"{name}={value}") for name, value in typed.items())
