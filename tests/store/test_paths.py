"""XDG folders, their overrides, and folders that only their owner may write."""

import os
from pathlib import Path

import pytest

from aios_top.store.paths import StoreError, audit_file, config_file, make_private, state_folder


@pytest.mark.parametrize(
    ("environ", "config", "audit"),
    [
        ({"HOME": "/h"}, "/h/.config/aios-top/config.toml", "/h/.local/state/aios-top/audit.jsonl"),
        (
            {"HOME": "/h", "XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s"},
            "/c/aios-top/config.toml",
            "/s/aios-top/audit.jsonl",
        ),
        (
            {"HOME": "/h", "XDG_CONFIG_HOME": "relative", "XDG_STATE_HOME": ""},
            "/h/.config/aios-top/config.toml",
            "/h/.local/state/aios-top/audit.jsonl",
        ),
        ({"AIOS_TOP_CONFIG": "mine.toml", "AIOS_TOP_STATE": "here"}, "mine.toml", "here/audit.jsonl"),
    ],
)
def test_files_are_where_the_environment_says(environ: dict[str, str], config: str, audit: str) -> None:
    assert config_file(environ) == Path(config)
    assert audit_file(environ) == Path(audit)


def test_without_any_place_the_message_names_the_variables() -> None:
    with pytest.raises(StoreError, match="AIOS_TOP_CONFIG and AIOS_TOP_STATE"):
        state_folder({})


def test_every_created_folder_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_private(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("a", "a/b")] == [0o700, 0o700]


def test_a_folder_that_others_may_write_is_refused_with_the_cure(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(StoreError, match=f"chmod 700 {tmp_path}"):
        make_private(tmp_path)


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(StoreError, match="not a folder"):
        make_private(tmp_path / "state")
    with pytest.raises(StoreError, match="AIOS_TOP_STATE"):
        make_private(tmp_path / "state" / "below")
