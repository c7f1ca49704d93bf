"""`aios-top report`: the page says what happened, is honest about what is not known, and is a page and nothing else."""

import asyncio
import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from aios_top.cli.main import main
from aios_top.cli.opened import opened
from aios_top.cli.reports import Asked, make_report
from aios_top.engine.chronicle import COLUMNS, CurveMaker
from aios_top.model.audit import AuditEntry
from aios_top.model.decision import Action
from aios_top.model.fact import AuditRead
from aios_top.model.recording import MarkKind
from aios_top.model.state import CooldownPhase, FleetState
from aios_top.model.unasked import unasked
from aios_top.render.report import report_page
from aios_top.render.report_words import moment
from aios_top.render.timebar import Travel, timebar_row
from aios_top.store.recording_reader import open_recording
from fakes.browser import Page, browsing, painted_lines
from fakes.html_page import HOSTILE, Reader, hostile_report, is_inert
from fakes.incident import BLOCK, SECRET, SILENT, incident
from fakes.recordings import START, Story, simulated
from fakes.simulated import SimulatedBlock


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[FleetState]]:
    path = tmp_path_factory.mktemp("recorded") / "story.aiosrec"
    return path, asyncio.run(incident(path))


@pytest.fixture(scope="module")
def page(live) -> str:
    """The page of the whole story."""
    output = live[0].with_name("story.html")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIOS_TOP_STATE", str(output.with_name("state")))
        patch.setenv("AIOS_TOP_CONFIG", str(output.with_name("none.toml")))
        assert main(["report", str(live[0]), "--output", str(output)]) == 0
    assert output.stat().st_mode & 0o777 == 0o600
    return output.read_text(encoding="utf-8")


def test_it_is_one_inert_page_with_a_policy_that_allows_its_style_only(page: str) -> None:
    read = is_inert(page)
    (policy,) = [meta["content"] for meta in read.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = b64encode(sha256(style[1].encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert page.index("Content-Security-Policy") < page.index("<style>")


def test_it_says_what_happened_with_the_figures_that_were_live(page: str, live) -> None:
    states = live[1]
    text = Reader(page).text
    assert f"aios-top looked {len(states)} times in 3m46s" in text
    for block_id in (BLOCK, SILENT):
        part = text[text.index(f" {block_id} ") :]
        blocks = [(state.at, state.blocks[block_id]) for state in states]
        seen = [(at, block) for at, block in blocks if not block.stale]
        most = max(block.replicas.reporting for _, block in seen)
        assert f"Most replicas reporting at once: {most}, first at" in part
        over = 0.0
        for (at, block), (after, _) in pairwise(blocks):
            mean, limit = block.compared.input_size, block.thresholds.input_up
            if mean is not None and limit is not None and mean > limit and not block.stale:
                over += after - at
        assert f"for {int(over // 60)}m{int(over % 60):02d}s, the longest time" in part
    last = states[-1].blocks[BLOCK]
    ups = sum(entry.action is Action.UP and entry.at >= states[0].at for entry in last.decisions)
    assert f"reported by its policy: {ups} upscale" in text
    assert "inferred by aios-top" in text
    assert "Its figures were old for" in text
    assert re.search(r"It needed a look for 2m\d\ds; the worst verdict was broken\.", text)
    assert "Alert at" in text
    lag = r"Scaling lag from the crossed limit to the new replica's first metrics: median \d+s, at worst \d+s"
    assert len(re.findall(lag, text)) == 2
    assert text.count("Scaling lag from the crossed limit to the decision") == 1  # of the silent one it is not known


def test_decisions_actions_policy_findings_and_provenance_are_there(page: str) -> None:
    text = Reader(page).text
    assert "upscale 1→2 confirmed ScaleUp Token rate exceeded threshold" in text
    assert "CooldownActive" in text
    assert f"mira@ops-7.example.net Reset the cooldown of {BLOCK} done ok" in text
    assert "running code sha256" in text
    assert "same code yes" in text
    assert text.index("cooldown_seconds 20 given") < text.index("input_tokens_up_threshold 500 default")
    assert "hold ×2 CooldownActive" in text  # one row for what followed each other and said the same
    assert "(NoMaximum)" in text
    assert "limits declared written in a record; nothing proves that it was in force" in text
    assert "replicas desired inferred" in text


def test_a_picture_tells_who_does_not_see_it(page: str) -> None:
    read = Reader(page)
    pictures = [svg for svg in read.all("svg") if svg.get("role") == "img"]
    assert len(pictures) == 2
    ids = {attributes["id"] for _, attributes in read.elements if "id" in attributes}
    for svg in pictures:
        assert set(str(svg["aria-labelledby"]).split()) <= ids
    assert all(svg.get("aria-hidden") == "true" for svg in read.all("svg") if svg not in pictures)
    assert len(read.all("desc")) == 2
    assert read.all("html")[0]["lang"] == "en"
    assert all(th.get("scope") == "col" for th in read.all("th"))
    assert len(read.all("caption")) == len(read.all("table")) > 4
    assert len(read.all("h1")) == 1


def test_lines_stop_where_nothing_was_heard(page: str) -> None:
    curves = [path for path in Reader(page).all("path") if str(path.get("class")).startswith("curve ")][:2]
    assert [str(path["d"]).count("M") for path in curves] == [2, 2]  # an outage in the middle
    assert Reader(page).all("rect")
    assert "nobody looked, or no metrics came: 14:45" in page


def test_no_secret_is_on_it(page: str) -> None:
    assert SECRET not in page
    assert "[secret removed]" in page


async def paused(path: Path) -> None:
    """Somebody looked, then nobody for two minutes."""
    clock, reads = simulated(SimulatedBlock("b", "explained", rate=0.4, parameters={"cooldown_seconds": 20}), push=6.0)
    story = Story(path, clock, reads)
    await story.poll(20)
    clock._now += 120.0
    await story.poll(20)
    story.writer.close()


async def meddled(path: Path, acts: Sequence[AuditEntry] = ()) -> Story:
    """Somebody adds two replicas, which the policy did not ask for; `acts` is what operators did from here."""
    clock, reads = simulated(SimulatedBlock("b", "explained"), push=6.0, interval=6.0)
    story = Story(path, clock, reads)
    await story.poll(10)
    for _ in range(2):
        reads.blocks["b"].add(0.0)
    await story.poller.refresh()
    poll = story.poller.poll
    assert poll is not None
    story.poller.poll = replace(poll, facts=(AuditRead(tuple(acts)), *poll.facts))
    story.write()
    clock._now += 2.0
    await story.poll(10)
    story.writer.close()
    return story


def test_replicas_that_nobody_known_asked_for_are_marked_and_told(run, tmp_path) -> None:
    path, sentence = tmp_path / "m.aiosrec", "1\u21923 replicas: the policy did not ask for it; added by hand"
    story = asyncio.run(meddled(path))
    (change,) = unasked(story.states[-1].blocks["b"].decisions)
    with open_recording(path) as recording:
        (mark,) = [mark for mark in recording.marks() if mark.kind is MarkKind.OUTSIDE]
        assert (mark.block_id, mark.text) == ("b", sentence)
        assert change.at <= mark.at <= change.at + 2.0
        bar = timebar_row(Travel(recording.times[-1], recording.times[0], recording.times[-1], (mark,)), 100)
        assert bar.text.count("?") == 1
    assert run("report", str(path), "--output", str(tmp_path / "m.html")).code == 0
    read = is_inert((tmp_path / "m.html").read_text())
    assert f"Between {moment(change.since)} and {moment(change.at)}, {sentence}." in read.text
    signs = [attributes for _, attributes in read.elements if attributes.get("class") == "mark outside"]
    assert len(signs) == 2  # in the picture and in the legend


def test_a_replay_without_a_terminal_names_what_reads_a_recording_without_one(run, live) -> None:
    ran = run("replay", str(live[0]))
    assert ran.code == 2
    assert "`aios-top report`, `export` and `what-if` read a recording without one" in ran.err


def test_replicas_that_an_operator_here_asked_for_are_no_riddle(run, tmp_path) -> None:
    path, at = tmp_path / "m.aiosrec", START + 19.0
    request = {"block_id": "b", "change": "ScaleUp"}
    asyncio.run(meddled(path, [AuditEntry(1, at, "intent", {"title": "Scale b", "request": request})]))
    with open_recording(path) as recording:
        kinds = {mark.kind for mark in recording.marks()}
        assert MarkKind.ACTION in kinds
        assert MarkKind.OUTSIDE not in kinds
    assert run("report", str(path), "--output", str(tmp_path / "m.html")).code == 0
    assert "did not ask for it" not in (tmp_path / "m.html").read_text()


def test_where_nobody_looked_is_said_and_a_gap(run, tmp_path) -> None:
    asyncio.run(paused(tmp_path / "p.aiosrec"))
    assert run("report", str(tmp_path / "p.aiosrec"), "--output", str(tmp_path / "p.html")).code == 0
    found = (tmp_path / "p.html").read_text()
    assert "Nobody looked for 2m02s of it, in 1 gap" in found
    with opened(tmp_path / "p.aiosrec") as file:
        times = file.recording.times
        report = make_report(file, Asked(times[0], times[-1], file.recording.block_ids()))
    (gap,) = report.unseen
    assert gap.seconds == 122
    (story,) = report.stories
    for curve in (story.directions[0].values, story.replicas["reporting"], story.replicas["desired"]):
        assert [at for at, value in curve if value is None] == [gap.start]
        assert not [at for at, value in curve if value is not None and gap.start < at < gap.end]
    assert story.directions[0].over_seconds + gap.seconds <= report.end - report.start
    assert sum(story.severities.values()) == report.end - report.start - gap.seconds
    assert all(stretch.end <= gap.start or stretch.start >= gap.end for stretch in story.cooling)


def test_a_part_one_block_and_a_title(run, live, tmp_path) -> None:
    output = tmp_path / "x.html"
    words = [
        "report",
        str(live[0]),
        "--from",
        "60s ago",
        "--to",
        "20s ago",
        "--block",
        SILENT,
        "--title",
        "Why <slow>?",
    ]
    assert run(*words, "--output", str(output)).code == 0
    read = is_inert(output.read_text())
    assert read.all("title")
    assert "Why <slow>?" in read.text
    assert "aios-top looked 21 times in 40s" in read.text
    assert BLOCK not in read.text
    assert "Nobody changed anything through aios-top in that time." in read.text


def test_a_capsule_tells_what_stands_beside_its_recording(run, live, tmp_path) -> None:
    capsule, output = tmp_path / "x.aioscap", tmp_path / "x.html"
    words = ["capsule", str(live[0]), "--note", "scaled late", "--redact-names", "--output", str(capsule)]
    assert run(*words).code == 0
    assert run("report", str(capsule), "--output", str(output)).code == 0
    text = is_inert(output.read_text()).text
    assert "Note: scaled late" in text
    assert "block-1" in text
    for name in (BLOCK, SILENT, "mira", SECRET):
        assert name not in text
    assert "Reset the cooldown of block-1 done ok" in text
    assert "(NoMaximum)" in text
    assert "same code yes" in text


def test_what_a_capsule_brought_is_told_and_not_what_is_known_here(live) -> None:
    finding = {"code": "Theirs", "level": "error", "sentence": "found there", "advice": "mend it"}
    brought = {"lints.json": {"blocks": [{"block_id": BLOCK, "findings": [finding]}]}}
    with opened(live[0]) as found:
        times = found.recording.times
        asked = Asked(times[0], times[-1], found.recording.block_ids())
        theirs = make_report(replace(found, manifest={"note": "look"}, documents=brought), asked)
    text = Reader("".join(report_page(theirs))).text
    assert "found there (Theirs) mend it" in text
    assert "(NoMaximum)" not in text
    assert "Reset the cooldown" in text  # changes are in the recording itself


def test_what_is_not_known_is_said() -> None:
    report = hostile_report("x")
    story = replace(report.stories[0], lags={"total": (0.4,)})
    told = Reader("".join(report_page(replace(report, origin_note="simulated", lost=3, stories=[story])))).text
    assert "Not a real AIOS: simulated." in told
    assert "3 polls of the recording cannot be read; what they showed is missing here." in told
    assert "Scaling lag from the crossed limit to the new replica's first metrics: less than 2s" in told


def test_what_stands_in_a_capsule_may_be_anything(live, tmp_path) -> None:
    """Its documents come from somebody else: wrong shapes and hostile texts make no page fail."""
    shapes: list[Any] = [None, 1, "x", [], {}, [1, None, "x"], {"blocks": 3}, [{"block_id": BLOCK, "policy": 5}]]
    shapes += [[{"block_id": BLOCK, "blocks": [BLOCK], "parameters": {"in_force": {HOSTILE: HOSTILE}, "source": 1}}]]
    shapes += [{"blocks": [{"block_id": BLOCK, "findings": [{"level": [], "sentence": HOSTILE, "code": {}}, 7]}]}]
    with opened(live[0]) as found:
        times = found.recording.times
        whole = make_report(found, Asked(times[0], times[-1], found.recording.block_ids()))
    for shape in shapes:
        names = ("blocks.json", "policies.json", "lints.json", "audit.json", "environment.json")
        documents = dict.fromkeys(names, shape)
        read = is_inert("".join(report_page(replace(whole, documents=documents))))
        assert BLOCK in read.text


def test_a_curve_keeps_its_peaks_in_few_points() -> None:
    curve = CurveMaker(0.0, 100_000.0)
    for second in range(100_001):
        curve.add(float(second), 9_000.0 if second == 77_777 else -5.0 if second == 12_345 else 100.0)
    points = curve.curve()
    assert len(points) <= 4 * (COLUMNS + 1)
    assert (77_777.0, 9_000.0) in points
    assert (12_345.0, -5.0) in points
    assert [at for at, _ in points] == sorted(at for at, _ in points)
    assert (points[0][0], points[-1][0]) == (0.0, 100_000.0)


def test_a_curve_breaks_where_nothing_is_known() -> None:
    curve = CurveMaker(0.0, 10.0)
    for at, value in ((0.0, None), (1.0, 1.0), (2.0, None), (3.0, float("nan")), (4.0, 2.0)):
        curve.add(at, value)
    assert curve.curve() == ((1.0, 1.0), (2.0, None), (4.0, 2.0))


def test_cooldowns_are_shaded_as_long_as_they_ran(live) -> None:
    path, states = live
    with opened(path) as found:
        report = make_report(found, Asked(states[0].at, states[-1].at, found.recording.block_ids()))
    (story,) = [story for story in report.stories if story.block_id == BLOCK]
    cooling = 0.0
    for before, after in pairwise(states):
        if before.blocks[BLOCK].cooldown.at(before.at) is CooldownPhase.COOLING:
            cooling += after.at - before.at
    assert sum(stretch.seconds for stretch in story.cooling) == cooling > 60


def test_files_stdout_and_names(run, live, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("report", str(live[0]), "--to", "3m ago")
    assert ran.code == 0
    assert ran.out == "story-20261123T144406Z.html\n"
    assert "open it in a browser" in ran.err
    again = run("report", str(live[0]), "--to", "3m ago")
    assert (again.code, again.out) == (1, "")
    assert "--force" in again.err
    assert run("report", str(live[0]), "--to", "3m ago", "--force").code == 0
    shown = run("report", str(live[0]), "--to", "3m ago", "--output", "-")
    assert shown.out == (tmp_path / "story-20261123T144406Z.html").read_text()


@pytest.fixture(scope="module")
def pages(page: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    (folder / "story.html").write_text(page)
    (folder / "hostile.html").write_text("".join(report_page(hostile_report(HOSTILE))))
    long = "x" * 3000
    (folder / "long.html").write_text("".join(report_page(hostile_report(long))))
    return {name: folder / f"{name}.html" for name in ("story", "hostile", "long")}


async def widest(browser: Page) -> str:
    """What makes a page wider than its window."""
    wide = "e => e.getBoundingClientRect().right > innerWidth && !e.closest('.scroll')"
    tell = "e => e.tagName + '.' + e.getAttribute('class')"
    return str(await browser.value(f"[...document.querySelectorAll('*')].filter({wide}).map({tell}).join(' ')"))


async def test_a_real_browser_shows_it_and_asks_nobody(pages: dict[str, Path]) -> None:
    async with browsing() as browser:
        for name, path in pages.items():
            browser.requests.clear()
            await browser.open(path)
            assert browser.requests == [path.as_uri()], name
            assert await browser.value("document.scripts.length + document.images.length") == 0
            assert await browser.value("typeof window.hit") == "undefined"
            assert await browser.value("getComputedStyle(document.querySelector('table')).borderCollapse") == "collapse"
            for columns in (1280, 800):
                await browser.resize(columns)
                assert await browser.value("document.documentElement.scrollWidth") <= columns, await widest(browser)
            assert painted_lines(await browser.picture()) > (100 if name == "story" else 20)
        assert browser.complaints == []
        colours = set()
        for media, scheme in (("", "light"), ("", "dark"), ("print", "dark")):
            await browser.emulate(media, scheme)
            colours.add(await browser.value("getComputedStyle(document.body).backgroundColor"))
            heading, link = (
                "getComputedStyle(document.querySelector('h1')).color",
                "getComputedStyle(document.querySelector('a')).color",
            )
            assert await browser.value(heading) == await browser.value(
                link
            )  # no browser's own colour, made for another page
        assert colours == {"rgb(255, 255, 255)", "rgb(15, 19, 24)"}
        names = await browser.ask("Accessibility.getFullAXTree")
        pictures = [node for node in names["nodes"] if node.get("role", {}).get("value") == "image"]
        assert pictures


async def test_the_browser_would_tell(tmp_path: Path) -> None:
    """What the test above looks for can be seen."""
    bad = tmp_path / "bad.html"
    bad.write_text('<p style="width:3000px">x<script>console.error("oh")</script><img src="http://127.0.0.1:9/x">')
    async with browsing() as browser:
        await browser.open(bad)
        assert "http://127.0.0.1:9/x" in browser.requests
        assert await browser.value("document.documentElement.scrollWidth") > 1280
        assert any("oh" in complaint for complaint in browser.complaints)
        assert painted_lines(await browser.picture()) < 40
