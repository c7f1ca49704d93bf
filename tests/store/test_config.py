"""The configuration file: complete without being there, and never half understood."""

import os
from pathlib import Path

import pytest

from aios_top.store.config import Config, read_config
from aios_top.store.paths import StoreError

WHOLE = """
current_context = "lab"
theme = "light"
poll_seconds = 5

[contexts.lab]
host = "10.0.0.7"
port_offset = 20000

[contexts.live]
host = "aios.example"
production = true
read_only = true
urls = { gateway = "http://gate.example:9000", mapping = "http://m.example/{block}" }

[keys]
reset_cooldown = "ctrl+r"

[load]
requests = 100
allow_targets = ["aios.example", "10.0.0.7:31504"]
"""


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "config.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_missing_file_is_a_complete_configuration(tmp_path: Path) -> None:
    config = read_config(tmp_path / "none.toml")
    assert config == Config()
    assert config.context(None) is None
    assert (config.poll_seconds, config.load.requests) == (2.0, 2_000)


def test_every_key_is_read(tmp_path: Path) -> None:
    config = read_config(written(tmp_path, WHOLE))
    lab, live = config.context(None), config.context("live")
    assert lab is not None
    assert live is not None
    assert (lab.host, lab.port_offset, lab.production, lab.read_only) == ("10.0.0.7", 20000, False, False)
    assert (live.production, live.read_only) == (True, True)
    assert live.urls == {"gateway": "http://gate.example:9000", "mapping": "http://m.example/{block}"}
    assert (config.theme, config.poll_seconds, config.keys) == ("light", 5.0, {"reset_cooldown": "ctrl+r"})
    assert (config.load.requests, config.load.in_flight) == (100, 64)
    assert config.load.allow_targets == ("aios.example", "10.0.0.7:31504")
    assert [name for name in ("theme", "recording", "load.requests", "load.rate") if config.gives(name)] == [
        "theme",
        "load.requests",
    ]


def test_a_context_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="context 'prod' is not configured; known: lab, live"):
        read_config(written(tmp_path, WHOLE)).context("prod")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pol_seconds = 2", "unknown key 'pol_seconds' (did you mean 'poll_seconds'?)"),
        ("[contexts.a]\nhsot = 'x'\nhost = 'y'", "unknown key 'contexts.a.hsot' (did you mean 'host'?)"),
        ("[load]\nzzz = 1", "unknown key 'load.zzz' (known: requests, rate, in_flight,"),
        ("[contexts.a]\nproduction = true", "'contexts.a' has no address; give it a host, or urls"),
        ("current_context = 'x'", "current_context 'x' is not one of the contexts (none)"),
        ("poll_seconds = '2'", "'poll_seconds' is '2': should be a number"),
        ("poll_seconds = true", "'poll_seconds' is True: should be a number"),
        ("poll_seconds = nan", "'poll_seconds' is nan: should be a number"),
        ("poll_seconds = 0.01", "'poll_seconds' is 0.01: should be a number of at least 0.5"),
        ("[contexts.a]\nhost = 'x'\nport_offset = 70000", "is 70000: should be a whole number of at most 32980"),
        ("[contexts.a]\nhost = 'x'\nproduction = 'yes'", "'contexts.a.production' is 'yes': should be true or false"),
        (
            "[load]\nrequests = 2001",
            "'load' requests = 2001 is above the built-in limit 2000; i_accept_higher_caps = true allows",
        ),
        ("[contexts.a]\nhost = 5", "'contexts.a.host' is 5: should be text"),
        ("[contexts.a]\nhost = 'x'\nport_offset = 5.0", "'contexts.a.port_offset' is 5.0: should be a whole number"),
        ("[contexts]\na = 1", "'contexts.a' is 1: should be a table"),
        ("contexts = 1", "'contexts' is 1: should be a table"),
        ("load = []", "'load' is []: should be a table"),
        ("[load]\nrate = inf", "'load.rate' is inf: should be a number"),
        ("[load]\nrate = 0", "'load.rate' is 0: should be a number above 0"),
        ("[load]\nallow_targets = 'x'", "'load.allow_targets' is 'x': should be a list"),
        ("[load]\nallow_targets = [1]", "'load.allow_targets' is [1]: should be text in every entry"),
        ("[keys]\nquit = 1", "'keys' is {'quit': 1}: should be text in every entry"),
        ("_given = []", "unknown key '_given'"),
        ("[contexts.a]\nhost = 'x'\n[contexts.a.credentials]", "'contexts.a.credentials.origin' is missing"),
        ("poll_seconds = ", "not TOML"),
        ("a = " + "[" * 5000, "not TOML"),
        (b"theme = '\xff'", "not UTF-8 (byte 9)"),
        ("a = 1\n" * 200_000, "larger than 1024 KiB"),
    ],
)
def test_a_wrong_file_is_refused_with_file_key_and_cause(tmp_path: Path, text: str | bytes, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(StoreError) as caught:
        read_config(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_many_problems_are_told_at_once_but_not_without_end(tmp_path: Path) -> None:
    path = written(tmp_path, "".join(f"k{number} = 1\n" for number in range(20)))
    with pytest.raises(StoreError, match=r"unknown key 'k0'.*and 12 more"):
        read_config(path)


def test_what_is_no_plain_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", Path("/dev/zero")):
        with pytest.raises(StoreError, match="not a regular file"):
            read_config(path)
    with pytest.raises(StoreError, match="Is a directory; name another file with AIOS_TOP_CONFIG"):
        read_config(tmp_path)


def test_a_file_that_everybody_may_change_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "")
    path.chmod(0o666)
    with pytest.raises(StoreError, match="chmod o-w"):
        read_config(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_link_to_another_users_file_is_refused(tmp_path: Path) -> None:
    target = written(tmp_path, "")
    os.chown(target, 12345, 12345)
    (tmp_path / "link.toml").symlink_to(target)
    with pytest.raises(StoreError, match="belongs to another user"):
        read_config(tmp_path / "link.toml")


@pytest.mark.parametrize(
    ("name", "most"),
    [("requests", 2_000), ("rate", 50.0), ("in_flight", 64), ("seconds", 900.0), ("tokens_per_run", 20_000_000)],
)
def test_caps_of_load_rise_up_to_ten_times_and_only_when_that_is_accepted(tmp_path, name, most):
    path = tmp_path / "config.toml"
    for value, accepted, allowed in ((most, False, True), (10 * most, True, True), (10 * most + 1, True, False)):
        path.write_text(f"[load]\n{name} = {value}\ni_accept_higher_caps = {str(accepted).lower()}\n")
        if allowed:
            assert getattr(read_config(path).load.limits(), name) == value
        else:
            with pytest.raises(StoreError, match=f"load.{name}"):
                read_config(path)
    path.write_text(f"[load]\n{name} = {most + 1}\n")
    with pytest.raises(StoreError, match="i_accept_higher_caps = true allows up to ten times"):
        read_config(path)


def test_the_threads_of_grpc_are_no_cap_that_could_be_raised(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text("[load]\ngrpc_in_flight = 20\n")
    with pytest.raises(StoreError, match="unknown key"):
        read_config(path)
