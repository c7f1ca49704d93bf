"""The picture of a block: every line, shade and sign stands where its time and value are."""

import re

import pytest
from msgspec.structs import replace

from aios_top.engine.chronicle import COLUMNS
from aios_top.model.decision import Action, Decision, Origin
from aios_top.model.recording import Mark, MarkKind
from aios_top.model.report import BlockStory, DecisionRun, Direction, Stretch
from aios_top.model.text import clean
from aios_top.render.report_plot import WIDTH, block_picture, legend
from fakes.html_page import Reader

START = 1_795_445_000.0  # 14:43:20 UTC
LEFT, RIGHT = 58, 12


def x(seconds: float) -> float:
    return LEFT + seconds / 100.0 * (WIDTH - LEFT - RIGHT)


def decided(seconds: float, action: Action) -> DecisionRun:
    told = Decision(START + seconds, action, clean("Code"), clean("because"), Origin.REPORTED, current=1, proposed=2)
    return DecisionRun(told.at, told)


STORY = BlockStory(
    "b",
    "tokens per request",
    "5m",
    [
        Direction(
            "input",
            ((START, 0.0), (START + 20, 1000.0), (START + 30, None), (START + 60, 500.0), (START + 100, 500.0)),
            ((START, 500.0),),
            ((START, 100.0),),
        ),
        Direction("output"),
    ],
    {
        "reporting": ((START, 1.0), (START + 50, 3.0)),
        "desired": ((START, 1.0), (START + 40, 3.0), (START + 90, None)),
        "maximum": ((START, 4.0),),
    },
    cooling=[Stretch(START + 40, START + 60)],
    old=[Stretch(START + 30, START + 35)],
    decisions=[decided(40, Action.UP), decided(45, Action.HOLD), decided(80, Action.DOWN), decided(90, Action.ERROR)],
    marks=[Mark(START + 10, kind, "b", f"a {kind.value}") for kind in MarkKind],
)


def drawn(story: BlockStory = STORY, seconds: float = 100.0) -> Reader:
    return Reader(block_picture(story, 7, START, START + seconds, [Stretch(START + 70, START + 75)]))


def of_class(read: Reader, name: str) -> list[dict[str, str | None]]:
    return [attributes for _, attributes in read.elements if attributes.get("class") == name]


def points(path: str) -> list[tuple[str, float, float]]:
    return [(pen, float(a), float(b)) for pen, a, b in re.findall(r"([ML])([\d.]+) ([\d.]+)", path)]


def test_a_curve_is_where_its_values_are_and_stops_in_a_gap() -> None:
    (curve,) = of_class(drawn(), "curve input")
    found = points(str(curve["d"]))
    assert [pen for pen, _, _ in found] == ["M", "L", "M", "L"]
    assert [at for _, at, _ in found] == pytest.approx([x(0), x(20), x(60), x(100)], abs=0.06)
    zero, thousand, half, _ = [y for _, _, y in found]
    assert zero - half == pytest.approx(half - thousand, abs=0.11)
    assert zero > half > thousand


def test_lines_as_long_as_they_can_be_reach_their_end() -> None:
    """Texts are cut somewhere; what is drawn is none."""
    most = 4 * COLUMNS
    values = tuple((START + 100.0 * number / (most - 1), 500.0 + number % 7) for number in range(most))
    steps = tuple((at, float(number % 2)) for number, (at, _) in enumerate(values))
    story = replace(STORY, directions=[Direction("input", values), Direction("output")], replicas={"reporting": steps})
    curve, reporting = (str(of_class(drawn(story), name)[0]["d"]) for name in ("curve input", "reporting"))
    assert len(points(curve)) == most
    assert points(curve)[-1][1] == WIDTH - RIGHT
    assert reporting.count("V") == most - 1
    assert reporting.endswith(f"H{WIDTH - RIGHT}")


def test_limits_lie_on_the_same_scale_and_are_named() -> None:
    read = drawn()
    up, down = of_class(read, "limit up")[0], of_class(read, "limit down")[0]
    curve = points(str(of_class(read, "curve input")[0]["d"]))
    match = re.fullmatch(r"M([\d.]+) ([\d.]+)H([\d.]+)", str(up["d"]))
    assert match is not None
    assert float(match[2]) == pytest.approx(curve[2][2])  # 500
    assert (float(match[1]), float(match[3])) == (LEFT, WIDTH - RIGHT)
    assert float(str(down["d"]).split()[1].partition("H")[0]) > float(match[2])
    for words in ("up 500", "down 100", "max 4", "input tokens per request, mean over 5m", "replicas"):
        assert words in read.text


def test_scales_have_round_figures() -> None:
    texts = drawn().texts
    for figure in ("0", "500", "1000", "1500", "2", "4"):
        assert figure in texts


def test_steps_hold_until_the_next_and_end_where_nothing_is_known() -> None:
    read = drawn()
    reporting, desired = str(of_class(read, "reporting")[0]["d"]), str(of_class(read, "desired")[0]["d"])
    assert re.fullmatch(r"M[\d.]+ [\d.]+H[\d.]+V[\d.]+H[\d.]+", reporting)
    assert float(re.findall(r"H([\d.]+)", reporting)[0]) == pytest.approx(x(50), abs=0.06)
    assert float(re.findall(r"H([\d.]+)", reporting)[-1]) == WIDTH - RIGHT
    assert float(re.findall(r"H([\d.]+)", desired)[-1]) == pytest.approx(x(90), abs=0.06)


def test_shades_cover_their_time() -> None:
    read = drawn()
    spans = [
        (name, float(str(rect["x"])), float(str(rect["width"])))
        for name in ("cool", "unseen")
        for rect in of_class(read, name)
    ]
    expected = [("cool", 40, 20), ("unseen", 70, 5), ("unseen", 30, 5)]
    assert spans == [
        (name, pytest.approx(x(at), abs=0.01), pytest.approx(x(length) - LEFT, abs=0.01))
        for name, at, length in expected
    ]
    assert "cooldown: 14:44:00 to 14:44:20" in read.text


def test_decisions_that_acted_and_marks_have_signs_and_say_what_they_are() -> None:
    read = drawn()
    signs = {name: len(of_class(read, f"mark {name}")) for name in ("up", "down", "error", "action", "alert", "load")}
    assert signs == dict.fromkeys(signs, 1)
    (up,) = of_class(read, "mark up")
    assert float(str(up["d"])[1:].split()[0]) == pytest.approx(x(40) - 6, abs=0.06)
    assert "14:44:00 upscale 1→2: because" in read.text
    assert "14:43:30 action: a action" in read.text
    assert "a start" not in read.text


@pytest.mark.parametrize(
    ("seconds", "labels"),
    [(100.0, ["14:43:30", "14:44:30"]), (7200.0, ["15:00", "16:30"]), (86_400.0 * 5, ["11-25", "11-27"])],
)
def test_the_axis_has_times_that_fit(seconds: float, labels: list[str]) -> None:
    read = drawn(seconds=seconds)
    times = [text for text in read.texts if re.fullmatch(r"\d\d:\d\d(:\d\d)?|\d\d-\d\d", text)]
    assert set(labels) <= set(times)
    assert 3 <= len(times) <= 10


def test_a_block_of_which_nothing_is_known_says_so() -> None:
    read = drawn(replace(STORY, directions=[Direction("input"), Direction("output")], replicas={}))
    assert read.text.count("nothing was measured") == 2
    assert "no replica was seen" in read.text


def test_a_single_value_between_gaps_is_a_dot() -> None:
    lonely = Direction("input", ((START, 1.0), (START + 10, None), (START + 50, 9.0), (START + 60, None)))
    dots = of_class(drawn(replace(STORY, directions=[lonely])), "dot input")
    assert [float(str(dot["cx"])) for dot in dots] == pytest.approx([x(0), x(50)], abs=0.01)


def test_the_picture_is_described_and_its_ids_are_its_own() -> None:
    read = drawn()
    ids = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    assert ids == ["t7", "d7"]
    assert "14:43:20 to 14:45:00 UTC: no token metrics; no replica reporting; 1 scale-up, 1 scale-down." in read.text


def test_the_legend_names_every_sign() -> None:
    signs = {str(attributes.get("class")) for _, attributes in Reader(legend()).elements}
    shown = {
        str(attributes["class"])
        for tag, attributes in drawn().elements
        if tag in {"path", "rect"} and "class" in attributes
    }
    assert shown - {"frame", "bound"} <= signs
