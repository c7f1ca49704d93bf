"""The options of a command line that lead to an AIOS: without them, a copied command would act on another one."""

import argparse
import shlex


def reach(args: argparse.Namespace, context: str | None) -> str:
    """Return the options that name this AIOS again, from wherever they are given."""
    given: list[str] = []
    for option, value in (("--context", context), ("--host", args.host), ("--port-offset", args.port_offset)):
        given += [option, str(value)] if value is not None else []
    for url in (*args.urls, *args.command_urls):
        given += ["--url", url]
    return shlex.join([*given, *(["--insecure-token"] if getattr(args, "insecure_token", False) else [])])
