"""Which AIOS a command works on, and how: from its options, else from the configuration."""

import argparse
import getpass
import os
from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from aios_top.aios.address import NAMES, PLACEHOLDER, STAND_IN_PORTS, AddressError, Addresses, parse_overrides
from aios_top.aios.credentials import NOBODY, Credentials
from aios_top.cli.credentials import credentials_of
from aios_top.cli.exits import UsageError
from aios_top.cli.reach import reach
from aios_top.cli.stored import stored
from aios_top.engine.session_options import SessionOptions
from aios_top.store.config import Config, Context, read_config
from aios_top.store.paths import StoreError, config_file
from aios_top.store.running_demo import running_demo

DEFAULT_TIMEOUT_SECONDS = 5.0
READ_ONLY_VARIABLE = "AIOS_TOP_READ_ONLY"
DEMO = "demo"
"""Name of the context of the demo that runs; a configured one of this name comes first."""
_OFF = frozenset({"", "0", "no", "false", "off"})


class Installation(Struct, frozen=True):
    """One AIOS, and what may be done to it from here."""

    addresses: Addresses
    options: SessionOptions
    config: Config = field(default_factory=Config)
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    credentials: Credentials = NOBODY


def chosen(args: argparse.Namespace, *, screen: bool = False) -> Installation:
    """Return the installation that the options name, else the context that the configuration names.

    On the screen the write gate of a production context is closed at first; a command that was typed out to change
    something asks for the block's name instead.
    """
    config = configuration()
    if args.context == DEMO and DEMO not in config.contexts:
        return _running_demo(args)
    named = args.context or not (args.host or args.urls or args.command_urls)
    try:
        context = config.context(args.context) if named else None
    except StoreError as error:
        raise UsageError(str(error)) from error
    if context is None and named:
        raise UsageError(_no_address())
    return _installation(args, config, context, screen=screen)


def demo_installation(
    args: argparse.Namespace, urls: Mapping[str, str], pace: str, *, chaos: bool = False
) -> Installation:
    """Return the embedded AIOS of the demo."""
    config = configuration()
    # One listener of the embedded AIOS serves all blocks, each below its own path.
    per_block = {name: f"{urls[name]}/{PLACEHOLDER}" for name in STAND_IN_PORTS if name in urls}
    return Installation(
        Addresses.build(overrides={name: url for name, url in urls.items() if name in NAMES} | per_block),
        _options(
            args,
            config,
            context=DEMO,
            reach=f"--context {DEMO}",
            origin_note=f"simulated, {pace} pace{', chaos' if chaos else ''}",
        ),
        config,
    )


def _running_demo(args: argparse.Namespace) -> Installation:
    if args.host or args.urls or args.command_urls:
        raise UsageError("--context demo knows where the demo is: leave out --host and --url")
    demo = running_demo(os.environ)
    if demo is None:
        raise UsageError("no demo runs: 'aios-top demo' starts one, which --context demo reaches from other terminals")
    found = demo_installation(args, demo.urls, demo.pace, chaos=demo.chaos)
    return replace(found, timeout_seconds=getattr(args, "timeout", None) or DEFAULT_TIMEOUT_SECONDS)


def configuration() -> Config:
    """Read the configuration file."""
    with stored():
        return read_config(config_file(os.environ))


def _installation(args: argparse.Namespace, config: Config, context: Context | None, *, screen: bool) -> Installation:
    host = args.host or (context.host if context else None)
    if host is None and args.port_offset is not None:
        raise UsageError("--port-offset needs --host: it moves the conventional ports of a host")
    offset = args.port_offset if args.port_offset is not None else (context.port_offset if context else 0)
    try:
        given = parse_overrides([*args.urls, *args.command_urls])
        addresses = Addresses.build(host, offset, {**(context.urls if context else {}), **given})
    except AddressError as error:
        raise UsageError(str(error)) from error
    production = context is not None and context.production
    name = (args.context or config.current_context) if context else None
    return Installation(
        addresses,
        _options(
            args,
            config,
            context=name or host or "by --url",
            reach=reach(args, name),
            production=production,
            writable=not (screen and production),
            read_only=context is not None and context.read_only,
        ),
        config,
        getattr(args, "timeout", None) or DEFAULT_TIMEOUT_SECONDS,
        credentials_of(
            context.credentials if context else None,
            addresses,
            insecure=getattr(args, "insecure_token", False),
            environ=os.environ,
        ),
    )


def _options(
    args: argparse.Namespace,
    config: Config,
    *,
    context: str,
    reach: str,
    origin_note: str = "",
    production: bool = False,
    writable: bool = True,
    read_only: bool = False,
) -> SessionOptions:
    return SessionOptions(
        context=context,
        reach=reach,
        origin_note=origin_note,
        poll_seconds=args.poll or config.poll_seconds,
        read_only=args.read_only or read_only or locked_by_environment(os.environ),
        writable=writable,
        production=production,
        who=f"{getpass.getuser()}@{os.uname().nodename}",
        load_limits=config.load.limits(),
        allowed_targets=frozenset(config.load.allow_targets) | frozenset(getattr(args, "allow_target", ())),
    )


def locked_by_environment(environ: Mapping[str, str]) -> bool:
    """Whether the environment forbids changes; a value that nobody knows forbids them too."""
    return environ.get(READ_ONLY_VARIABLE, "").strip().lower() not in _OFF


def _no_address() -> str:
    with stored():
        path = config_file(os.environ)
    return (
        "no address: 'aios-top demo' starts an embedded AIOS, no cluster needed; "
        f"for a real one give --host HOST, or set current_context in {path}"
    )
