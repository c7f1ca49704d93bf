"""A hostile AIOS on a real terminal: nothing that it says is done, and everything that it says can be seen."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from textual.color import Color
from textual.widget import Widget

from aios_top.console.app import ConsoleApp
from aios_top.engine.memory import BlockMemory
from aios_top.engine.observe import Inputs, observe
from aios_top.model.state import BlockState, FleetState
from aios_top.model.text import Clean, clean
from console import states
from console.cockpit import FakeCockpit
from console.screen import screen_text
from fakes.recording_aios import RecordingAios
from fakes.terminal import TerminalProcess
from faults import terminal_bytes
from faults.hostile import HostileAios
from faults.server import PWNED
from faults.strings import MARKUP, NAMES, SEQUENCES, STRINGS, WIDE

DEMAND = ("csi_query", "csi_da", "csi_da2", "dcs_decrqss", "dcs_xtgettcap", "osc_palette", "osc_clipboard_read")
"""Texts with which a terminal would be asked to type something."""


class Watched(TerminalProcess):
    """A terminal that notes what it would have answered."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self.answers: list[str] = []
        self._screen.write_process_input = self.answers.append  # type: ignore[method-assign]


def console(folder: Path, aios: RecordingAios, **size: int) -> Watched:
    environment = {
        "AIOS_TOP_STATE": str(folder / "state"),
        "AIOS_TOP_CONFIG": str(folder / "config.toml"),
        "LANG": "C.UTF-8",
    }
    return Watched([sys.executable, "-m", "aios_top", *aios.options], environment=environment, **size)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Look at every page of a hostile AIOS, at three sizes, and quit."""
    folder = tmp_path_factory.mktemp("hostile")
    with HostileAios() as aios, console(folder, aios, columns=200, lines=60) as terminal:
        terminal.wait_for("blocks", 30)
        terminal.pages = {}  # type: ignore[attr-defined]
        for columns, lines in ((200, 60), (120, 40), (80, 24)):
            terminal.resize(columns, lines)
            terminal.wait_until(lambda lines=lines: "quit" in terminal.screen.splitlines()[lines - 1])
            for page in "12345":
                before = terminal.screen.splitlines()[3:]
                terminal.send(page)
                if (columns, page) != (200, "1"):  # there it begins
                    terminal.wait_until(lambda before=before: terminal.screen.splitlines()[3:] != before, 30)
                if page in "15":
                    terminal.wait_for("fleet" if page == "1" else "events", 30)
                terminal.rest(0.4)
                terminal.pages[columns, page] = terminal.screen  # type: ignore[attr-defined]
                for _ in range(4 if page == "1" else 1):
                    terminal.send("\x1b[6~jj")
                    terminal.rest(0.1)
        terminal.send("1")
        terminal.rest(0.3)
        terminal.send("q")
        assert terminal.wait_exit(20) == 0
        assert not (folder / "state" / "audit.jsonl").exists()
        yield terminal


def test_p_20_the_terminal_gets_the_consoles_own_words_only(shown: Watched) -> None:
    """113 texts as block, instance, policy, node, reason and message; five pages at three sizes."""
    assert terminal_bytes.kinds(shown.output) <= terminal_bytes.VOCABULARY
    written = terminal_bytes.text(shown.output)
    assert terminal_bytes.acting(written) == set()
    assert "\u241b[2J" in written  # shown, not dropped
    assert "<U+202E>" in written
    assert len(STRINGS) >= 104


def test_p_21_the_terminal_is_asked_nothing_that_it_would_answer(shown: Watched) -> None:
    assert shown.answers == []
    assert all(SEQUENCES[name] in STRINGS.values() for name in DEMAND)


def test_n_27_a_status_line_cannot_act(tmp_path: Path) -> None:
    class Shouting(RecordingAios):
        def answer(self, request: object) -> tuple[int, object]:
            return 500, PWNED.decode()

    with Shouting() as aios, console(tmp_path, aios, columns=120, lines=40) as terminal:
        terminal.wait_for("500", 30)
        terminal.send("q")
        assert terminal.wait_exit(20) == 0
    assert terminal_bytes.kinds(terminal.output) <= terminal_bytes.VOCABULARY


def fleet_of(texts: dict[str, str]) -> FleetState:
    """Return a fleet with one block per text."""
    model = next(iter(states.fleet().blocks.values()))
    blocks: dict[str, BlockState] = {}
    for text in texts.values():
        name = clean(text)
        rows = tuple(
            replace(entry, instance_id=clean(f"{text}{number}")) for number, entry in enumerate(model.instances)
        )
        blocks[name] = replace(model, block_id=name, instances=rows, problem=name)
    return replace(states.fleet(), blocks=blocks)


async def drawn(texts: dict[str, str], columns: int = 200) -> tuple[str, set[str | None]]:
    app = ConsoleApp(FakeCockpit(fleet_of(texts)))
    async with app.run_test(size=(columns, 60)) as pilot:
        await pilot.pause()
        return screen_text(app), {widget.id for widget in app.query(Widget)}


async def test_p_22_a_sequence_that_never_ends_leaves_the_next_cell_alone() -> None:
    names = ("unterminated_osc", "unterminated_dcs", "esc_alone", "esc_bracket")
    text, _ = await drawn({name: SEQUENCES[name] for name in names})
    plain, _ = await drawn(dict.fromkeys(("a",), "plain"))
    (wanted,) = {
        line[line.index("plain") + 20 :].split("\u2502")[0].split()[1]
        for line in plain.splitlines()
        if "[" in line and "plain" in line[:30]
    }
    for name in names:
        line = next(line for line in text.splitlines() if line[2:].lstrip("!>").startswith(clean(SEQUENCES[name])[:12]))
        assert wanted in line


@pytest.mark.parametrize("columns", [80, 200])
async def test_p_24_wide_and_piled_characters_leave_the_borders_aligned(columns: int) -> None:
    text, _ = await drawn(WIDE, columns)
    import pyte

    screen = pyte.Screen(columns, 60)
    pyte.Stream(screen).feed(text.replace("\n", "\r\n").rstrip("\r\n"))
    box = set("\u2502\u2551\u2500\u2550\u250c\u2510\u2514\u2518\u2554\u2557\u255a\u255d")
    for y in range(3, 58) if columns == 200 else ():
        assert {screen.buffer[y][x].data for x in (0, 199)} <= box, text.splitlines()[y]
    assert len(text.splitlines()) == 60


async def test_p_25_markup_is_shown_as_it_is() -> None:
    text, _ = await drawn(MARKUP)
    for markup in MARKUP.values():
        assert clean(markup)[:20] in text


async def test_p_26_no_widget_is_named_by_a_server() -> None:
    _, hostile = await drawn({**NAMES, **MARKUP})
    _, usual = await drawn({"a": "plain"})
    assert hostile == usual


def test_p_26_an_empty_name_is_a_row_that_cannot_be_read() -> None:
    state = observe(clean("b"), BlockMemory(), Inputs(), 0.0)
    assert state.block_id == "b"


@pytest.mark.parametrize("columns", [(200), (120), (80)])
def test_p_20_every_page_was_looked_at(shown: Watched, columns: int) -> None:
    pages = shown.pages  # type: ignore[attr-defined]
    heads = {page: pages[columns, page] for page in "12345"}
    assert "fleet" in heads["1"]
    assert "events" in heads["5"]
    assert len(set(heads.values())) >= 4  # on a busy machine a page may come after its turn
    assert json.dumps(list(heads.values()))


async def test_p_20_what_the_decoder_let_through_is_stopped_behind_all_drawing() -> None:
    """The second layer by itself: a text that was never cleaned, where a clean one belongs."""
    state = states.fleet()
    name, block = next(iter(state.blocks.items()))
    raw = Clean("in-\x1b[2J\x1b]0;PWNED\x07\u202e\x9b31m")
    rows = tuple(replace(entry, instance_id=raw) for entry in block.instances)
    app = ConsoleApp(FakeCockpit(replace(state, blocks={name: replace(block, instances=rows)})))
    async with app.run_test(size=(200, 60)) as pilot:
        await pilot.press("2")
        await pilot.pause()
        written = app.screen._compositor.render_full_update().render_segments(app.console)
        strips = [
            strip.apply_filter(app._safe, Color(0, 0, 0)).text for strip in app.screen._compositor.render_strips()
        ]
    assert any("in-" in strip for strip in strips)
    assert all(strip.isprintable() for strip in strips)
    assert "\x1b[2J" not in written
    assert "PWNED\x07" not in written
    assert "\u202e" not in written
