"""Named sets of parameters: the shipped ones by name, others by path, anything else refused with the way out."""

import json

import pytest

from aios_top.bundle.limits import BundleError
from aios_top.bundle.load import load_source
from aios_top.bundle.parameter_set import MAX_BYTES, read_parameter_set
from aios_top.shipped import shipped

SETS = shipped("policy") / "parameters"


def test_the_shipped_sets_have_names() -> None:
    for name in ("conservative", "throughput", "tutorial"):
        found = read_parameter_set(name, SETS)
        assert found.name == name
        assert "cooldown_seconds" in found.parameters


@pytest.mark.parametrize(
    "document", [{"cooldown_seconds": 60}, {"purpose": "x", "parameters": {"cooldown_seconds": 60}}]
)
def test_a_file_holds_them_plainly_or_under_their_key(tmp_path, document) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(document))
    found = read_parameter_set(str(path), SETS)
    assert (found.name, found.parameters) == ("mine", {"cooldown_seconds": 60})


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "no JSON"),
        ("[1]", "no JSON object"),
        ('{"parameters": 3}', "no JSON object"),
        ('{"cooldown_seconds": NaN}', "NaN is no number"),
        ("[" * 100_000, "no JSON"),
        (" " * (MAX_BYTES + 1), "larger than"),
    ],
)
def test_what_is_no_set_is_refused(tmp_path, content, problem) -> None:
    path = tmp_path / "mine.json"
    path.write_text(content)
    with pytest.raises(BundleError, match=problem):
        read_parameter_set(str(path), SETS)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(BundleError, match="conservative, throughput, tutorial"):
        read_parameter_set("nonsense", SETS)


def test_code_comes_from_a_folder_an_archive_or_a_file(tmp_path) -> None:
    folder = shipped("policy")
    plain = (folder / "code" / "function.py").read_bytes()
    assert load_source(folder) == plain
    assert load_source(folder / "code" / "function.py") == plain
    broken = tmp_path / "broken.py"
    broken.write_text("def f(:\n")
    with pytest.raises(BundleError):
        load_source(broken)
    with pytest.raises(BundleError, match="neither"):
        load_source(tmp_path / "missing.py")
