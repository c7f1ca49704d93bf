"""Lets `python -m aios_top` start the program."""

from aios_top.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
