"""From a folder or an archive and a record to a bundle, or to every problem at once."""

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from aios_top.bundle.archive import pack
from aios_top.bundle.limits import BundleError
from aios_top.bundle.load import load_bundle
from aios_top.bundle.registration import FIELDS, check_registration
from aios_top.model.errors import ActionRefusedError
from aios_top.shipped import shipped
from bundle.archives import FUNCTION, SOURCE, tar_of, zip_of


def record(**fields: Any) -> dict[str, Any]:
    """Return a complete record."""
    complete: dict[str, Any] = {name: kind() for name, kind in FIELDS.items()}
    return complete | {"name": "probe", "version": "1.0", "release_tag": "stable", "type": "policy"} | fields


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "function.py").write_bytes(SOURCE)
    (tmp_path / "registration.json").write_text(json.dumps(record()))
    return tmp_path


def problems(path: Path, *rest: Any) -> tuple[str, ...]:
    with pytest.raises(BundleError) as caught:
        load_bundle(path, *rest)
    return caught.value.problems


def test_a_folder_becomes_a_bundle_named_after_version_and_content(folder: Path) -> None:
    bundle = load_bundle(folder)
    digest = sha256(bundle.content).hexdigest()
    assert bundle.content == pack(folder)
    assert (bundle.sha256, bundle.file_name) == (digest, f"probe-1.0-{digest[:8]}.zip")
    assert bundle.uri == "probe:1.0-stable"
    assert bundle.members == (FUNCTION,)
    assert bundle.code_sha256 == sha256(SOURCE).hexdigest()
    assert set(bundle.record) == set(FIELDS)
    assert bundle.warnings == ()


def test_changed_code_under_the_same_version_gets_another_file_name(folder: Path) -> None:
    before = load_bundle(folder).file_name
    (folder / "code" / "function.py").write_bytes(SOURCE + b"# changed\n")
    assert load_bundle(folder).file_name != before


def test_an_archive_is_taken_as_it_is_with_the_record_beside_it(folder: Path) -> None:
    for name, content in (("a.zip", zip_of()), ("a.tar", tar_of())):
        (folder / name).write_bytes(content)
        bundle = load_bundle(folder / name)
        assert bundle.content == content
        assert bundle.file_name.endswith(name.removeprefix("a"))


def test_record_and_version_can_be_given(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text(json.dumps(record(name="other")))
    bundle = load_bundle(folder, other, "2.1")
    assert bundle.uri == "other:2.1-stable"
    assert bundle.record["version"] == "2.1"
    assert bundle.warnings == ("the code calls itself version 1.0, the registration 2.1",)


def test_the_shipped_policy_is_a_bundle() -> None:
    bundle = load_bundle(shipped("policy"))
    assert set(bundle.record) == set(FIELDS)
    assert bundle.warnings == ()


def test_all_problems_of_code_and_record_come_at_once(folder: Path) -> None:
    (folder / "code" / "function.py").write_bytes(b"x = 1")
    (folder / "registration.json").write_text(json.dumps({"name": 5, "version": "1 0", "tags": "a"}))
    found = problems(folder)
    assert (
        found[0] == "code/function.py: no class AIOSv1PolicyRule at the top of the file; AIOS constructs exactly that"
    )
    assert "registration: field name must be a text, not a number" in found
    assert any(problem.startswith("registration: field version is '1 0'") for problem in found)
    missing = [name for name in FIELDS if f"registration: field {name} is missing" in found]
    assert missing == [name for name in FIELDS if name not in {"name", "version", "tags"}]


def test_a_bundle_error_is_a_refusal() -> None:
    assert issubclass(BundleError, ActionRefusedError)
    assert str(BundleError(["one", "two"])) == "one; two"


@pytest.mark.parametrize("name", FIELDS)
def test_each_of_the_17_fields_is_required_and_typed(name: str) -> None:
    assert len(FIELDS) == 17
    assert check_registration(record())[0] == ()
    without = record()
    del without[name]
    assert check_registration(without)[0] == (f"registration: field {name} is missing",)
    refused, _ = check_registration(record(**{name: None}))
    kind = "a text" if FIELDS[name] is str else "an object"
    assert refused == (f"registration: field {name} must be {kind}, not null",)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"name": "a:b"}, "field name is 'a:b'"),
        ({"name": ""}, "field name is ''"),
        ({"version": "1/../x"}, "field version is '1/../x'"),
        ({"release_tag": "-x"}, "field release_tag is '-x'"),
        ({"name": "\u0430bc"}, "field name is"),
        ({"name": "a\x1b[2J"}, "field name is 'a\u241b[2J'"),
        ({"type": "rule"}, "field type must be 'policy', not 'rule'"),
        ({"metadata": []}, "field metadata must be an object, not a list"),
        ({"tags": True}, "field tags must be a text, not a boolean"),
    ],
)
def test_a_wrong_value_is_refused_with_its_field(fields: dict[str, Any], problem: str) -> None:
    refused, _ = check_registration(record(**fields))
    assert len(refused) == 1
    assert problem in refused[0]


def test_what_surprises_is_a_warning() -> None:
    _, warnings = check_registration(
        record(
            policy_parameters={"min_replicas": 2}, policy_settings={"intervalSeconds": 5}, extra=1, policy_rule_uri="x"
        )
    )
    assert warnings == (
        "registration: the registry drops unknown fields: extra",
        "registration: policy_parameters override every block's own parameters: min_replicas",
        "registration: policy_settings override every block's own settings: intervalSeconds",
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "not JSON"),
        (b"[]", "holds list, not an object"),
        (b'{"name": "a", "name": "b"}', "field name is given twice"),
        (b'{"metadata": {"x": NaN}}', "NaN is not JSON"),
        (b"\xff\xfe{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b" " * (1024 * 1024 + 1), "larger than 1024 KiB"),
    ],
)
def test_an_unreadable_record_is_refused_with_its_file(folder: Path, content: bytes, message: str) -> None:
    (folder / "registration.json").write_bytes(content)
    found = problems(folder)
    assert len(found) == 1
    assert found[0].startswith(f"{folder / 'registration.json'}: ")
    assert message in found[0]


def test_paths_that_are_nothing_are_refused_with_the_cause(folder: Path) -> None:
    assert "neither a policy's folder nor an archive" in problems(folder / "none")[0]
    (folder / "registration.json").unlink()
    assert "no such file; name the registration record" in problems(folder)[0]
    os.mkfifo(folder / "fifo")
    assert "neither a policy's folder" in problems(folder / "fifo")[0]
    assert "no such file" in problems(folder, folder / "fifo")[0]


def test_the_bytes_are_read_once(folder: Path) -> None:
    """A file that is swapped after the inspection changes nothing of what will be uploaded."""
    (folder / "a.zip").write_bytes(zip_of())
    bundle = load_bundle(folder / "a.zip")
    (folder / "a.zip").write_bytes(zip_of(("code/evil.py", b"")))
    assert sha256(bundle.content).hexdigest() == bundle.sha256 == sha256(zip_of()).hexdigest()
