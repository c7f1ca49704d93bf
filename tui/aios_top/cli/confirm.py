"""Asks before anything is changed: shows the plan, wants a yes."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from aios_top.cli.exits import CommandError
from aios_top.model.change import Plan
from aios_top.render.confirm import plan_rows
from aios_top.render.wrap import COLUMNS, whole_commands

READ_ONLY = "refused: read-only: nothing is changed from here; leave out --read-only, or take a context without it"


def refuse_when_read_only(read_only: bool) -> None:
    """End the command when it may not change anything."""
    if read_only:
        raise CommandError(READ_ONLY)


def show(plan: Plan) -> None:
    """Print a plan; a command in it stays whole, to be copied."""
    print("\n".join([plan.title, *(row.text.rstrip() for row in plan_rows(plan, COLUMNS, whole_commands))]))


def confirm(plan: Plan, *, yes: bool, typed: str | None = None, trust: bool = False) -> None:
    """Show the plan and return when it may be carried out; end the command otherwise.

    `typed` has to be typed out instead of a `y`, as the name of a block in production.
    """
    show(plan)
    if plan.trust and yes and not trust:
        raise CommandError(f"refused: {plan.trust[0]}; --yes does not answer that, --trust-urls does")
    for doubt in plan.trust:
        ask(f"{doubt}: do you?", yes=trust, typed="trust")
    ask(f"{plan.title}: do it?", yes=yes, typed=typed)


def ask(question: str, *, yes: bool, typed: str | None = None) -> None:
    """Return on a yes: by option, or by keyboard where both ends of the talk are a terminal."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise CommandError("refused: without a terminal to ask on, this needs --yes")
    sys.stdout.flush()
    hint = "[y/N]" if typed is None else f"[type {typed}]"
    print(f"{question} {hint} ", end="", file=sys.stderr, flush=True)
    with _interruptible():
        answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        print(file=sys.stderr)
    wanted = {"y", "yes"} if typed is None else {typed.lower()}
    if answer.strip().lower() not in wanted:
        raise CommandError("refused: not confirmed; nothing was sent")


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end the wait for a key: asyncio's own handler would only take note of it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
