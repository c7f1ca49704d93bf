"""Fuzzing on demand: `FUZZ=1000000 .venv/bin/pytest tests/fuzz -s`; each test says what it did and how fast."""

import asyncio
import json
import os
import random
import time
import unicodedata
from collections.abc import Callable, Iterator

import pytest

from aios_top.aios.documents import DocumentReader
from aios_top.aios.exchange import Answer
from aios_top.bundle.archive import inspect
from aios_top.bundle.limits import BundleError
from aios_top.console.app import ConsoleApp
from aios_top.console.keys import KEYS
from aios_top.console.linefilter import _safe_text
from aios_top.model.errors import ReadError
from aios_top.model.text import CELL_LIMIT, Clean, clean
from bundle.archives import tar_of, zip_of
from console import states
from console.cockpit import FakeCockpit
from faults.bodies import GOOD
from faults.strings import STRINGS

RUNS = int(os.environ.get("FUZZ", "100000"))
KEYS_PRESSED = max(100, RUNS // 100)
SEED = int(os.environ.get("FUZZ_SEED", "1"))
ACTING = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
INTERESTING = [
    *range(0x20),
    *range(0x7F, 0xA0),
    0x200B,
    0x202E,
    0x2066,
    0xFEFF,
    0xE0041,
    0x301,
    0x20DD,
    0xD800,
    0xFE0F,
]


def texts(chance: random.Random, number: int) -> Iterator[str]:
    known = list(STRINGS.values())
    for _ in range(number):
        pieces = [chance.choice(known)[:300]] if chance.random() < 0.3 else []
        for _ in range(chance.randint(0, 40)):
            code = chance.choice(INTERESTING) if chance.random() < 0.4 else chance.randrange(0x110000)
            pieces.append(chr(code if chance.random() < 0.7 else chance.randrange(0x20, 0x7F)))
        chance.shuffle(pieces)
        yield "".join(pieces)


def acting(text: str) -> list[str]:
    """Return the characters on which a terminal could act; a space of another width is none of them."""
    return [character for character in text if unicodedata.category(character) in ACTING]


@pytest.fixture
def told() -> Callable[[str, int], None]:
    started = time.monotonic()

    def tell(what: str, number: int) -> None:
        seconds = time.monotonic() - started
        print(f"\n{what}: {number:,} in {seconds:.0f} s ({number / seconds:,.0f}/s), seed {SEED}", flush=True)

    return tell


def test_the_sanitiser(told: Callable[[str, int], None]) -> None:
    for text in texts(random.Random(SEED), RUNS):
        shown = clean(text)
        assert isinstance(shown, Clean)
        assert len(shown) <= CELL_LIMIT
        assert not acting(shown), ascii(text)
        assert clean(shown) == shown, ascii(text)
        assert _safe_text(shown) == shown, ascii(text)
        assert "\x1b" not in _safe_text(text)
    told("sanitiser", RUNS)


def test_the_decoder(told: Callable[[str, int], None]) -> None:
    chance = random.Random(SEED)
    reader, runs, read = DocumentReader(), RUNS // 10, 0
    refused: list[str] = []
    for _ in range(runs):
        body = bytearray(GOOD)
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(body))
            match chance.randrange(4):
                case 0:
                    body[at] = chance.randrange(256)
                case 1:
                    del body[at : at + chance.randint(1, 30)]
                case 2:
                    body[at:at] = chance.choice([b"[" * 70, b"null", b"NaN", b"1e999", b'"', b"{", b"-", b"\\ud800"])
                case _:
                    body[at:at] = body[at : at + chance.randint(1, 60)]
        try:
            rows = reader.rows(Answer("metrics", 200, clean("application/json"), bytes(body), 0.1))
        except ReadError as error:
            refused.append(str(error))
            continue
        read += 1
        for block in rows.blocks:
            for instance in block.instances:
                json.dumps([instance.timestamp, instance.prompt_tokens_total], allow_nan=False)
    assert not any(acting(reason) for reason in refused)
    told(f"decoder ({read:,} still read)", runs)


def test_the_archive_inspector(told: Callable[[str, int], None]) -> None:
    chance = random.Random(SEED)
    seeds, runs, accepted = [zip_of(), tar_of()], RUNS // 100, 0
    refused: list[str] = []
    for _ in range(runs):
        content = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 8)):
            at = chance.randrange(len(content))
            if chance.random() < 0.7:
                content[at] = chance.randrange(256)
            else:
                del content[at : at + chance.randint(1, 64)]
        try:
            inspect(bytes(content))
            accepted += 1
        except BundleError as error:
            refused.append(str(error))
    assert not any(acting(reason) for reason in refused)
    told(f"archive inspector ({accepted:,} still accepted)", runs)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a pilot give its turn away instead of sleeping until the processor idles: forty times the keys."""

    async def give_way(*_: object) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    monkeypatch.setattr("textual.app.wait_for_idle", give_way)
    monkeypatch.setattr("textual.pilot.wait_for_idle", give_way)


@pytest.mark.usefixtures("at_once")
async def test_key_sequences(told: Callable[[str, int], None]) -> None:
    """The oracle: whatever is typed, nothing is executed that no confirm dialog showed and no yes answered."""
    chance = random.Random(SEED)
    names = [name for key in KEYS for name in key.keys if key.action not in {"quit", "suspend"}]
    changing = [name for key in KEYS for name in key.keys if key.writes]
    typed = [*names, "y", "n", "enter", "escape", "tab", "left", "right", *"abz019", "backspace"]
    runs, pressed, executed = max(1, KEYS_PRESSED // 100), 0, 0
    for _ in range(runs):
        engine = FakeCockpit(states.fleet())
        app = ConsoleApp(engine)
        async with app.run_test(size=(chance.choice([60, 80, 120, 200]), chance.choice([12, 24, 40, 60]))) as pilot:
            for _ in range(100):
                dialog, pick = app.screen, chance.random()
                answers = ["y", "enter"] if type(dialog).__name__ == "ConfirmDialog" else changing
                key = chance.choice(answers if pick < 0.2 else typed)
                before = len(engine.executed)
                await pilot.press(key)
                await pilot.pause()
                pressed += 1
                if len(engine.executed) > before:
                    executed += 1
                    assert type(dialog).__name__ == "ConfirmDialog", key
                    assert key in {"y", "enter"}
                    assert len(engine.executed) == before + 1
            assert app.is_running
    assert executed or runs < 10  # an oracle that nothing ever reaches proves nothing
    told(f"key sequences ({executed:,} confirmed and executed)", pressed)
