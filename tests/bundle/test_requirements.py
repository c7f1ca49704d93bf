"""requirements.txt: AIOS runs pip on it at every start."""

import pytest

from aios_top.bundle.requirements import check_requirements


@pytest.mark.parametrize(
    "line",
    [
        "-r other.txt", "-e .", "--index-url http://evil", "--extra-index-url=http://evil", "-i x", "--pre",
        "requests --hash=sha256:00", "requests -i http://evil", "a \\\n--index-url=http://evil", "  -f links",
        "requests --global-option=x",
    ],
)  # fmt: skip
def test_an_option_is_refused(line: str) -> None:
    problems, _ = check_requirements("r", line.encode())
    assert len(problems) == 1
    assert "pip option" in problems[0]


@pytest.mark.parametrize(
    "line",
    [
        "x @ https://example/x.whl", "git+https://example/x", "https://example/x.tar.gz", "./local", "/abs/x", "x.whl",
        "../up", "file:///etc", "x@http://example", "x @ file:///tmp/x",
    ],
)  # fmt: skip
def test_a_place_of_its_own_needs_a_second_look(line: str) -> None:
    problems, warnings = check_requirements("r", line.encode())
    assert problems == ()
    assert len(warnings) == 1
    assert "code from a place of its own" in warnings[0]


@pytest.mark.parametrize(
    "line", ["requests", "requests==2.0", "requests[socks]>=2,<3", "a.b-c_d ~= 1 ; x < '3'", "a (>=1)"]
)
def test_a_package_is_told_for_it_is_installed_at_every_start(line: str) -> None:
    problems, warnings = check_requirements("r", line.encode())
    assert problems == ()
    assert warnings == (f"r line 1: AIOS installs '{line}' at every start of the autoscaler; offline it fails there",)


@pytest.mark.parametrize("line", ["", "# only a comment", "   # -r hidden", "\n\n"])
def test_comments_and_blanks_are_nothing(line: str) -> None:
    assert check_requirements("r", line.encode()) == ((), ())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff", "not UTF-8"),
        (b"#" * 65_537, "larger than 64 KiB"),
        (b"a b c", "'a b c' is not a requirement"),
        (b"a\x1b[2J", "'a\u241b[2J' is not a requirement"),
        ("\u202ea".encode(), "'<U+202E>a' is not a requirement"),
    ],
)
def test_what_is_no_requirement_is_refused(content: bytes, message: str) -> None:
    problems, warnings = check_requirements("r", content)
    assert len(problems) == 1
    assert message in problems[0]
    assert warnings == ()
