"""What the exporter serves, read by Prometheus' own parsers."""

import json
import math
import re
import shutil
import subprocess
from collections.abc import Iterable
from importlib.resources import files

import pytest
from msgspec.structs import replace
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families as prometheus_families

from aios_top.model.decision import Action, Origin
from aios_top.model.state import BlockState, FleetState, Replicas
from aios_top.model.tallies import BlockTally, DecisionKind, Spread
from aios_top.model.text import Clean, clean
from aios_top.render.exposition import Family, Kind, Sample, lines, number
from aios_top.render.metrics import fleet_families
from console.states import NOW, fleet

TALLIES = {
    Clean("gemma3-27b-block"): BlockTally(
        {DecisionKind(Action.UP, clean("ScaleUp"), Origin.REPORTED): 3},
        {"total": Spread().with_value(41.0).with_value(700.0)},
    )
}


def served(state: FleetState, *, openmetrics: bool = True, now: float = NOW) -> str:
    return "\n".join(lines(fleet_families(state, now, "1.2.3", TALLIES), openmetrics=openmetrics)) + "\n"


def parsed(state: FleetState, now: float = NOW) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample by name and labels, as the OpenMetrics parser reads them."""
    found = [sample for family in openmetrics_families(served(state, now=now)) for sample in family.samples]
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in found}


def of(samples: Iterable[tuple[str, frozenset[tuple[str, str]]]], block: str) -> set[str]:
    return {name for name, told in samples if ("block", block) in told}


def with_block(block: BlockState) -> FleetState:
    return replace(fleet(), blocks={block.block_id: block})


def one(state: FleetState, name: str, now: float = NOW, **told: str) -> float:
    found = [
        value for (sample, has), value in parsed(state, now).items() if sample == name and told.items() <= set(has)
    ]
    assert len(found) == 1, (name, told, found)
    return found[0]


def test_both_parsers_read_the_same_samples() -> None:
    newer = parsed(fleet())
    older = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in prometheus_families(served(fleet(), openmetrics=False))
        for sample in family.samples
    }
    assert newer == older
    assert len({name for name, _ in newer}) > 30


def test_families_have_the_types_that_they_are() -> None:
    types = {family.name: (family.type, family.unit) for family in openmetrics_families(served(fleet()))}
    assert types["aios_block_decisions"] == ("counter", "")
    assert types["aios_block_current_replicas"] == ("gauge", "")
    assert types["aios_block_cooldown_remaining_seconds"] == ("gauge", "seconds")
    assert types["aios_block_mean_request_tokens"] == ("gauge", "tokens")
    assert types["aios_block_scaling_lag_seconds"] == ("histogram", "seconds")
    assert types["aios_block"] == ("info", "")


def test_the_figures_are_those_of_the_state() -> None:
    state = fleet()
    block = state.blocks[Clean("gemma3-27b-block")]
    name = str(block.block_id)
    assert one(state, "aios_block_current_replicas", block=name) == block.replicas.current
    assert one(state, "aios_block_desired_replicas", block=name) == block.replicas.desired
    left = block.cooldown.remaining_seconds(NOW)
    assert left
    assert one(state, "aios_block_cooldown_remaining_seconds", block=name) == pytest.approx(left)
    assert one(state, "aios_block_cooldown_remaining_seconds", now=NOW + 1, block=name) == pytest.approx(left - 1)
    mean = block.averages[block.window].input_size
    assert mean
    told = {"block": name, "direction": "input"}
    assert one(state, "aios_block_mean_request_tokens", window=block.window.label, **told) == pytest.approx(mean)
    assert one(state, "aios_block_threshold_tokens", scaling="up", **told) == block.thresholds.input_up
    ratio = one(state, "aios_block_threshold_ratio", scaling="up", **told)
    assert block.thresholds.input_up
    assert ratio == pytest.approx(mean / block.thresholds.input_up)
    assert block.input_rate
    assert one(state, "aios_block_tokens_per_second", **told) == pytest.approx(block.input_rate / 60)
    assert one(state, "aios_block_decisions_total", block=name) == 3
    assert block.verdict is not None
    assert one(state, "aios_block_verdict", block=name, severity=block.verdict.severity.name.lower()) == 1
    assert sum(value for (sample, _), value in parsed(state).items() if sample == "aios_fleet_verdict") == 1


def test_limits_of_rates_are_no_limits_of_sizes() -> None:
    block = replace(fleet().blocks[Clean("gemma3-27b-block")], in_force={"signal": "counter_rate"})
    state = with_block(block)
    assert block.thresholds.input_up
    told = {"direction": "input", "scaling": "up"}
    assert one(state, "aios_block_threshold_tokens_per_second", **told) == pytest.approx(block.thresholds.input_up / 60)
    assert "aios_block_threshold_tokens" not in of(parsed(state), str(block.block_id))
    assert "aios_block_threshold_tokens_per_second" not in of(parsed(fleet()), str(block.block_id))


def test_a_histogram_holds_every_span_once() -> None:
    told = {"block": "gemma3-27b-block", "step": "total"}
    assert one(fleet(), "aios_block_scaling_lag_seconds_bucket", le="45.0", **told) == 1
    assert one(fleet(), "aios_block_scaling_lag_seconds_bucket", le="30.0", **told) == 0
    assert one(fleet(), "aios_block_scaling_lag_seconds_bucket", le="600.0", **told) == 1
    assert one(fleet(), "aios_block_scaling_lag_seconds_bucket", le="+Inf", **told) == 2
    assert one(fleet(), "aios_block_scaling_lag_seconds_sum", **told) == 741.0


def test_old_figures_are_not_given() -> None:
    state = fleet()
    old = next(block for block in state.blocks.values() if block.stale)
    assert of(parsed(state), str(old.block_id)) == {"aios_block_up", "aios_block_data_age_seconds"}
    assert one(state, "aios_block_up", block=str(old.block_id)) == 0
    assert one(state, "aios_block_data_age_seconds", block=str(old.block_id)) > 0


def test_what_is_not_known_has_no_sample() -> None:
    bare = BlockState(clean("bare"), replicas=Replicas(wiped=True))
    assert of(parsed(with_block(bare)), "bare") == {"aios_block_info", "aios_block_up"}
    assert "NaN" not in served(with_block(bare))


def test_what_was_inferred_says_so() -> None:
    state = fleet()
    silent = next(block for block in state.blocks.values() if block.cooldown.origin is Origin.INFERRED)
    name = str(silent.block_id)
    assert one(state, "aios_block_cooldown_remaining_seconds", block=name, origin="inferred") >= 0


def test_a_name_cannot_leave_its_label() -> None:
    evil = 'a"} 1\naios_block_up{block="b'
    block = replace(fleet().blocks[Clean("gemma3-27b-block")], block_id=Clean(evil + "\\"))
    assert one(with_block(block), "aios_block_up") == 1
    assert one(with_block(block), "aios_block_up", block=evil + "\\") == 1


def test_before_the_first_poll_there_is_the_version_alone() -> None:
    assert set(parsed(FleetState(at=NOW, sequence=0))) == {("aios_top_build_info", frozenset({("version", "1.2.3")}))}


def test_times_have_the_unit_of_their_format() -> None:
    family = Family("x", Kind.GAUGE, "About.", "", [Sample((), 1.5, at=NOW)])
    assert f"x 1.5 {NOW:.3f}" in list(lines([family], openmetrics=True))
    assert f"x 1.5 {1000 * NOW:.0f}" in list(lines([family], openmetrics=False))
    assert [number(value) for value in (math.inf, -math.inf, math.nan)] == ["+Inf", "-Inf", "NaN"]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
def test_promtool_finds_nothing_to_criticise() -> None:
    text = served(fleet(), openmetrics=False)
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    spoilt = text.replace("# HELP aios_block_up ", "# HELP aios_block_other ")
    again = subprocess.run(["promtool", "check", "metrics"], input=spoilt, capture_output=True, text=True, check=False)
    assert again.returncode != 0


def test_every_expression_of_the_dashboard_asks_for_what_is_served() -> None:
    dashboard = json.loads(files("aios_top").joinpath("exporter", "dashboard.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    expressions += [entry["expr"] for entry in dashboard["annotations"]["list"]]
    expressions += [entry["definition"] for entry in dashboard["templating"]["list"] if "definition" in entry]
    names = {name for name, _ in parsed(fleet())}
    labels = {label for _, told in parsed(fleet()) for label, _ in told}
    assert len(expressions) > 15
    for expression in expressions:
        asked = set(re.findall(r"\baios_\w+", expression))
        assert asked
        assert asked <= names, expression
        used = re.findall(r'(\w+)\s*=~?\s*"', expression) + re.findall(r"by \(([^)]*)\)", expression)
        assert {word.strip() for text in used for word in text.split(",")} <= labels | {"le"}, expression
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
