"""Which registered version is the one before."""

import pytest

from aios_top.model.versions import others, previous

REGISTRY = ["tok:2.0-stable", "lb:1.0-stable", "tok:1.9-stable", "tok:1.10-stable", "tok:2.1-beta", "tok:2.0-stable"]


def test_the_best_to_go_back_to_comes_first() -> None:
    assert others("tok:2.0-stable", REGISTRY) == [
        "tok:1.10-stable", "tok:1.9-stable", "tok:2.1-beta", "lb:1.0-stable",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("bound", "before"),
    [
        ("tok:2.0-stable", "tok:1.10-stable"), ("tok:2.1-beta", "tok:2.0-stable"), ("tok:1.9-stable", None),
        ("lb:1.0-stable", None), ("other:3.0-x", None), ("tok:3-dev", "tok:2.1-beta"), ("tok:1.10.1-x", "tok:1.10-stable"),
        ("tok:2.0rc1-x", "tok:2.0-stable"), ("", None),
    ],
)  # fmt: skip
def test_the_version_before(bound: str, before: str | None) -> None:
    assert previous(bound, REGISTRY) == before
