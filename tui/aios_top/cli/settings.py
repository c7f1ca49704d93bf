"""The settings in force with the origin of each, for the console's page of them."""

import os

from aios_top.cli.credentials import TOKEN_VARIABLE, described
from aios_top.cli.installation import (
    DEFAULT_TIMEOUT_SECONDS,
    READ_ONLY_VARIABLE,
    Installation,
    locked_by_environment,
)
from aios_top.console.settings import Setting
from aios_top.model.span import length
from aios_top.store.config import CAPS, Config

_OPTION, _FILE, _DEFAULT = "option", "file", "default"


def settings_of(installation: Installation, theme: str, *, records: bool) -> tuple[Setting, ...]:
    """Return what the session runs with; a value that the file does not explain came from the command line."""
    config, options = installation.config, installation.options
    gate = "read-only" if options.read_only else "open" if options.writable else "closed"
    timeout = installation.timeout_seconds
    rows = [
        Setting("context", options.context, _FILE if options.context in config.contexts else _OPTION),
        Setting("production", "yes" if options.production else "no", _FILE if options.production else _DEFAULT),
        Setting("write gate at start", gate, _gate_source(installation)),
        _credentials(installation),
        Setting("theme", theme, _source(config, "theme", theme)),
        Setting("poll_seconds", f"{options.poll_seconds:g}", _source(config, "poll_seconds", options.poll_seconds)),
        Setting("timeout", length(timeout), _DEFAULT if timeout == DEFAULT_TIMEOUT_SECONDS else _OPTION),
        *(
            Setting(f"load.{name}", f"{getattr(options.load_limits, name):.10g}", _load_source(config, name))
            for name in CAPS
        ),
        Setting("load targets", ", ".join(sorted(options.allowed_targets)) or "loopback only", _targets(installation)),
        Setting("recording", "from the start" if records else "when R is pressed", _recording_source(config, records)),
        Setting(
            "recordings kept",
            f"{config.recording.megabytes:g} MB, {length(3600 * config.recording.hours)}",
            _kept(config),
        ),
        *(Setting(f"keys.{action}", key, _FILE) for action, key in config.keys.items()),
    ]
    addresses = installation.addresses
    for name in addresses.names():
        source = _DEFAULT if addresses.is_guess(name) else "address"
        rows.append(Setting(f"url {name}", addresses.url(name) or "", source))
    return tuple(rows)


def _credentials(installation: Installation) -> Setting:
    """Say which secret there is and whose it is; the secret itself is shown nowhere."""
    context = installation.config.contexts.get(installation.options.context)
    if not installation.credentials.origin:
        return Setting("credentials", "none", _DEFAULT)
    source = f"${TOKEN_VARIABLE}" if os.environ.get(TOKEN_VARIABLE) else _FILE
    return Setting("credentials", described(context.credentials if context else None), source)


def _source(config: Config, name: str, value: object) -> str:
    """Return where a value of the file's top level comes from."""
    if config.gives(name) and getattr(config, name) == value:
        return _FILE
    return _DEFAULT if getattr(config, name) in {value, None} else _OPTION


def _load_source(config: Config, name: str) -> str:
    return _FILE if config.gives(f"load.{name}") else _DEFAULT


def _recording_source(config: Config, records: bool) -> str:
    if records != config.recording.enabled:
        return _OPTION
    return _FILE if config.gives("recording.enabled") else _DEFAULT


def _room(config: Config) -> str:
    return f"{config.recording.megabytes:g} MB, {length(3600 * config.recording.hours)}"


def _kept(config: Config) -> str:
    return _FILE if config.gives("recording.megabytes") or config.gives("recording.hours") else _DEFAULT


def _gate_source(installation: Installation) -> str:
    options = installation.options
    context = installation.config.contexts.get(options.context)
    if options.read_only and locked_by_environment(os.environ):
        return f"${READ_ONLY_VARIABLE}"
    if context is not None and (context.read_only if options.read_only else context.production):
        return _FILE
    return _OPTION if options.read_only else _DEFAULT


def _targets(installation: Installation) -> str:
    allowed = installation.options.allowed_targets
    if not allowed:
        return _DEFAULT
    return _FILE if allowed <= set(installation.config.load.allow_targets) else _OPTION
