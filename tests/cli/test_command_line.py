"""The command line as a user types it: help, version, wrong arguments, exit codes."""

import subprocess
import sys
from itertools import chain

import pytest

from aios_top import __version__
from aios_top.cli.main import main
from aios_top.cli.numbers import seconds, whole
from aios_top.cli.parser import GROUPS, Parser, build_parser, parsed

HEAVY = {"textual", "rich", "plotext", "httpx", "httpcore", "pydantic", "msgspec", "aiohttp", "asyncio"}


def _commands(parser: Parser, words: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return every command as its words, families such as `policy` included."""
    groups = [action for action in parser._actions if action.choices and isinstance(action.choices, dict)]
    names = chain.from_iterable(group.choices.items() for group in groups)
    return [words, *chain.from_iterable(_commands(child, (*words, name)) for name, child in names)]


COMMANDS = _commands(build_parser())


def test_every_command_of_the_design_exists():
    named = {" ".join(words) for words in COMMANDS}

    assert named >= {
        "demo", "once", "watch", "decisions", "cooldown reset", "scale", "load",
        "policy pack", "policy deploy", "policy restart", "policy show", "audit show", "audit verify",
        "record", "replay", "export", "report", "capsule", "recordings list", "recordings prune", "recordings merge", "recordings verify",
    }  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_of_every_command(words, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])

    printed = capsys.readouterr()
    assert ended.value.code == 0
    assert printed.out.startswith(" ".join(["usage: aios-top", *words]))
    assert printed.err == ""
    assert [line for line in printed.out.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize(
    "words", [words for words in COMMANDS if words not in {("policy",), ("audit",), ("cooldown",), ("recordings",)}]
)
def test_help_documents_the_exit_codes(words, capsys):
    with pytest.raises(SystemExit):
        main([*words, "--help"])

    printed = capsys.readouterr().out
    for line in ("0    done", "1    refused or failed", "2    usage", "3    outcome unknown"):
        assert line in printed


def test_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert ended.value.code == 0
    assert capsys.readouterr().out == f"aios-top {__version__}\n"


@pytest.mark.parametrize(
    "argv", [["--version"], ["--help"], *([*words, "--help"] for words in COMMANDS if words)], ids=" ".join
)
def test_help_and_version_import_nothing_that_takes_time(argv):
    program = (
        "import sys\n"
        "from aios_top.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, *argv], capture_output=True, text=True, check=True)

    assert done.stderr == "[]\n"


@pytest.mark.parametrize(
    ("argv", "about"),
    [
        (["nonsense"], "invalid choice: 'nonsense'"),
        (["scale", "--block", "b"], "one of the arguments --replicas --by is required"),
        (["scale", "--block", "b", "--replicas", "2", "--by", "1"], "not allowed with"),
        (["scale", "--block", "b", "--replicas", "-1"], "-1 is not between 0 and 1000"),
        (["scale", "--replicas", "1"], "--block"),
        (["load", "--block", "b", "--num-requests", "0"], "0 is not between 1"),
        (["load", "--block", "b", "--timeout", "nan"], "'nan' is no length of time"),
        (["once", "--settle", "soon"], "'soon' is no length of time such as 30s, 5m or 1h30m"),
        (["once", "--poll", "0.1"], "0.1 is not between 500ms and 5m"),
        (["once", "--port-offset", "40000"], "40000 is not between 0 and"),
        (["demo", "--pace", "slow"], "invalid choice: 'slow'"),
        (["policy"], "COMMAND"),
        (["once", "--jso"], "unrecognized arguments: --jso; see 'aios-top once --help'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_arguments_are_one_line_with_the_next_step_and_exit_2(argv, about, capsys):
    with pytest.raises(SystemExit) as ended:
        main(argv)

    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert printed.out == ""
    assert about in printed.err
    assert printed.err.count("\n") == 1
    assert "--help'" in printed.err


def test_every_command_is_in_a_group_that_its_name_builds():
    named = [name for names, _ in GROUPS for name in names]

    assert sorted(named) == sorted({words[0] for words in COMMANDS if words})


@pytest.mark.parametrize(
    "line",
    [
        "", "--host h --read-only", "once --json", "--context once", "--context demo once", "decisions --block b --limit 3",
        "load --block b --num-requests 2", "policy set --block b cooldown_seconds=3", "recordings verify a b",
        "what-if --set a=1", "report --block b", "audit show --last 3", "guide keys", "scale --block b --by -1", "demo --seed 1",
    ],
)  # fmt: skip
def test_the_commands_that_a_line_names_are_enough_to_read_it(line):
    assert parsed(line.split()) == build_parser().parse_args(line.split())


def test_connection_options_stand_before_or_after_the_command():
    before = build_parser().parse_args(["--host", "h", "--read-only", "--url", "metrics=http://a", "once"])
    after = build_parser().parse_args(["once", "--host", "h", "--read-only", "--url", "metrics=http://a"])

    assert (before.host, before.read_only, before.urls + before.command_urls) == ("h", True, ["metrics=http://a"])
    assert (after.host, after.read_only, after.urls + after.command_urls) == ("h", True, ["metrics=http://a"])


def test_urls_before_and_after_the_command_add_up():
    args = build_parser().parse_args(["--url", "metrics=http://a", "once", "--url", "blocks=http://b"])

    assert args.urls + args.command_urls == ["metrics=http://a", "blocks=http://b"]


@pytest.mark.parametrize(("text", "value"), [("0.5", 0.5), ("2s", 2.0), ("30", 30.0)])
def test_seconds_are_read(text, value):
    assert seconds(0.5, 30)(text) == value


@pytest.mark.parametrize("text", ["", "1.5", "1e3", "٣x", "0x10", "inf"])
def test_whole_numbers_refuse_everything_else(text):
    with pytest.raises(Exception, match="whole number"):
        whole(0, 10)(text)
