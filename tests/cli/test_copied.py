"""Commands that are printed to be copied: a shell and this command line read them as they were meant."""

import re
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aios_top.cli.exits import UsageError
from aios_top.cli.parser import parsed
from aios_top.model.command import command
from aios_top.model.draft import assignment, parse_assignment
from aios_top.model.lint_facts import Served
from aios_top.model.lints import lint
from aios_top.model.text import clean
from aios_top.render.load import idle_rows
from aios_top.render.policy import differs
from aios_top.shipped import shipped
from console import states
from fakes.recording_aios import BLOCK
from model.lint_states import CODE, facts

ODD = "team a/it's $HOME"
OTHER = replace(CODE, code_sha256="0" * 64)
REACH = "--host 127.0.0.1 --port-offset 20000"


def words(text: str) -> list[str]:
    """Return what a shell makes of the one command in a text, without the program's name."""
    (found,) = re.findall(r"aios-top .*?(?=$|; |\)$)", text)
    return shlex.split(found.removesuffix(";"))[1:]


@given(st.lists(st.text(min_size=1), min_size=1))
def test_a_shell_gives_every_word_back(given_words: list[str]) -> None:
    assert shlex.split(command(*given_words, reach=REACH)) == ["aios-top", *given_words, *REACH.split()]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(-1e6, 1e6) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(_JSON)
def test_what_is_assigned_is_read_back_as_the_same_value(value: object) -> None:
    (typed,) = shlex.split(shlex.join([assignment("name", value)]))
    name, found = parse_assignment(typed)
    assert (name, found, type(found)) == ("name", value, type(value))


@pytest.mark.parametrize(
    ("code", "found", "module"),
    [
        ("NoAutoscaler", facts(bound=False), "policy_deploy"),
        ("RunningIsNotBound", facts(version="1.9"), "policy_restart"),
        ("RestartChangesCode", facts(served=Served("http://files/t.zip", OTHER)), "policy_restart"),
    ],
)
def test_the_advice_of_a_lint_acts_on_the_aios_that_was_looked_at(code, found, module) -> None:
    found = replace(found, block=replace(found.block, block_id=clean(ODD)), reach=REACH)
    (finding,) = [entry for entry in lint(found, 0.0).findings if entry.code == code]
    args = parsed(words(finding.advice))
    assert (args.module, args.host, args.port_offset) == (module, "127.0.0.1", 20000)
    assert ODD in ([args.block] if isinstance(args.block, str) else args.block)


def test_what_the_pages_name_can_be_copied() -> None:
    block = replace(states.scaling(), block_id=clean(ODD))
    twin = " ".join(row.text for row in idle_rows(block, 300, REACH))
    args = parsed(words(twin.strip()))
    assert (args.module, args.block, args.host) == ("load", ODD, "127.0.0.1")
    reference = replace(block.record.policies["autoscaler"], uri=clean("tokenautoscaler-explained:2.1-stable"))
    waiting = replace(block, record=replace(block.record, policies={"autoscaler": reference}))
    assert parsed(words(differs(waiting, REACH))).block == ODD


@pytest.mark.parametrize(
    "asked",
    [
        ("scale", "--block", BLOCK, "--by", "1"),
        ("policy", "lint"),
        ("policy", "set", "cooldown_seconds=7", "--block", BLOCK),
    ],
)
def test_what_is_printed_is_never_broken_in_two(aios, run, asked) -> None:
    aios.evaluate()
    if asked[1] == "lint":
        aios.answers["blocks", "/blocks"] = (200, [{"id": BLOCK, "minInstances": 1, "maxInstances": 4}])
    ran = run(*asked, *aios.options)
    (line,) = [line for line in ran.out.splitlines() if "aios-top " in line]
    args = parsed(words(line))
    assert set(args.command_urls) >= {option for option in aios.options if "=" in option}


def test_the_commands_of_the_guide_and_the_readme_can_be_parsed() -> None:
    root = shipped("policy").parent
    pages = [root / "README.md", root / "policy" / "README.md", *(root / "tui/aios_top/guide").glob("*.md")]
    lines = [
        re.split(r" [|#>] |&$", line)[0].strip()
        for page in pages
        for block in page.read_text().split("```")[1::2]
        for line in block.splitlines()
        if line.startswith("aios-top ")
    ]
    assert len(lines) > 20
    assert [line for line in lines if not is_understood(line)] == []


def is_understood(line: str) -> bool:
    try:
        parsed(shlex.split(line)[1:])
    except UsageError as error:
        return "no such file" in str(error)
    return True
