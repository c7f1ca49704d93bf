"""The policy file at hand: the shipped one, or the one that the operator named."""

from hashlib import sha256
from pathlib import Path

import pytest

from aios_top.bundle.limits import BundleError
from aios_top.bundle.policy_file import policy_file
from bundle.archives import SOURCE
from policy.harness import EXPLAINED


def test_the_shipped_one_is_the_default_and_knows_its_name() -> None:
    found = policy_file()

    assert found.source == EXPLAINED.read_bytes()
    assert found.sha256 == sha256(found.source).hexdigest()
    assert (found.name, found.policy_name, found.chosen) == ("the shipped policy", "tokenautoscaler-explained", False)


@pytest.mark.parametrize("named", ["", "code", "code/function.py"])
def test_a_file_or_a_folder_can_be_named(named: str, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "function.py").write_bytes(b'POLICY_NAME = "mine"\n' + SOURCE)
    path = str(tmp_path / named)
    found = policy_file(path)

    assert (found.name, found.policy_name, found.chosen) == (path[:200], "mine", True)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (None, "No such file or directory; name a policy's folder or its function.py"),
        (b"def x(:\n", "function.py: line 1: invalid syntax"),
        (b"x = 1\n", "no class AIOSv1PolicyRule"),
        (b"#" * 300_000, "larger than 256 KiB"),
    ],
)
def test_what_is_wrong_with_a_named_file_is_told(source: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "function.py"
    if source is not None:
        path.write_bytes(source)
    with pytest.raises(BundleError, match=message):
        policy_file(str(path))
