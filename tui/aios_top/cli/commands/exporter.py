"""`aios-top exporter`: what AIOS does not publish, for Prometheus to scrape, until interrupted."""

import argparse
import asyncio
import signal
import sys
from contextlib import suppress
from importlib.resources import files

from msgspec.structs import replace

from aios_top import __version__
from aios_top.cli.awaited import awaited
from aios_top.cli.exits import DONE, CommandError
from aios_top.cli.installation import Installation, chosen
from aios_top.cli.wiring import open_session
from aios_top.engine.session import Session
from aios_top.engine.tally import Tally
from aios_top.exporter.server import ListenError, Page, serving
from aios_top.model.listen import ListenAddress
from aios_top.render.exposition import OPENMETRICS_TYPE, PROMETHEUS_TYPE, lines
from aios_top.render.metrics import fleet_families

OPEN_TO_ALL = "whoever reaches this address can read it: there is no authentication"


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted, or print the dashboard."""
    if args.dashboard:
        print(files("aios_top").joinpath("exporter", "dashboard.json").read_text(encoding="utf-8"), end="")
        return DONE
    found = chosen(args)
    installation = replace(found, options=replace(found.options, read_only=True))
    try:
        awaited(_serve(installation, args.listen))
    except ListenError as error:
        raise CommandError(f"{error}; name another with --listen HOST:PORT") from error
    return DONE


async def _serve(installation: Installation, listen: ListenAddress) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with open_session(installation) as session:
        tally = Tally()
        session.subscribe(tally.take)
        async with serving(listen, lambda openmetrics: _page(session, tally, openmetrics)) as where:
            print(f"serving {where.url}", flush=True)
            if not where.loopback:
                print(f"aios-top: {OPEN_TO_ALL}", file=sys.stderr, flush=True)
            await _poll_until(ended, session)


async def _poll_until(ended: asyncio.Event, session: Session) -> None:
    """Poll until a signal comes; polling that ends by itself is an error of ours."""
    polling, waiting = asyncio.create_task(session.run()), asyncio.create_task(ended.wait())
    await asyncio.wait({polling, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    polling.cancel()
    with suppress(asyncio.CancelledError):
        await polling


def _page(session: Session, tally: Tally, openmetrics: bool) -> Page:
    families = fleet_families(session.latest(), session.now(), __version__, tally.blocks())
    return OPENMETRICS_TYPE if openmetrics else PROMETHEUS_TYPE, lines(families, openmetrics=openmetrics)
