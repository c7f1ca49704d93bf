"""Does one job of `aios_top.cli.beside` for its parent: the job on standard input, news on standard output."""

import os
import pickle
import sys
from typing import BinaryIO

from aios_top.model.rule_call import RuleError

_STEP = 0.01
"""Progress is told in steps of this share."""


def main() -> None:
    """Do it, and tell `share`, then `done` or `raised`; ends when nobody listens any more."""
    news = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what anything prints must not reach the parent's pipe
    job = pickle.load(sys.stdin.buffer)  # noqa: S301 - of our own parent
    last = 0.0

    def tell(share: float) -> None:
        nonlocal last
        if share - last >= _STEP:
            last = share
            _send(news, "share", share)

    try:
        done = job.run(tell)
    except (RuleError, ValueError, OSError) as error:
        _send(news, "raised", error)
    else:
        _send(news, "done", done)


def _send(news: BinaryIO, kind: str, value: object) -> None:
    pickle.dump((kind, value), news)
    news.flush()


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        os._exit(1)
