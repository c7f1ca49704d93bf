"""A policy's source is parsed, never run: wrong, hostile and good ones."""

from pathlib import Path

import pytest

from aios_top.bundle.source import check_source
from bundle.archives import SOURCE

REFUSED = {
    "syntax": (b"class A:\n  def f(self:\n", "line 2: "),
    "latin-1 bytes": (b"# caf\xe9\n" + SOURCE, "line 1: "),
    "latin-1 declared": (b"# -*- coding: latin-1 -*-\n" + SOURCE, "line 1: declared as iso-8859-1"),
    "unknown codec": (b"# -*- coding: nonsense -*-\n" + SOURCE, "line 1: unknown encoding"),
    "bad byte below": (SOURCE + b"\n# \xff\n", f"line {SOURCE.count(10) + 2}: not UTF-8"),
    "nul": (SOURCE + b"# \0\n", f"line {SOURCE.count(10) + 1}: NUL byte"),
    "bidi": (b"x = 1\ny = '\xe2\x80\xae'\n" + SOURCE, "line 2: a bidirectional control character"),
    "empty": (b"", "no class AIOSv1PolicyRule"),
    "other class": (SOURCE.replace(b"AIOSv1PolicyRule", b"Rule"), "no class AIOSv1PolicyRule"),
    "class inside": (b"if False:\n    class AIOSv1PolicyRule: ...\n", "no class AIOSv1PolicyRule"),
    "no eval": (SOURCE.replace(b"def eval", b"def evaluate"), "line 5: AIOSv1PolicyRule has no method eval"),
    "no management": (SOURCE.replace(b"def management", b"async def management"), "has no method management"),
    "deep parentheses": (b"x = " + b"(" * 5000 + b")" * 5000, "code/function.py: "),
    "deep unary": (b"x = " + b"-" * 200_000 + b"1", "code/function.py: "),
    "long sum": (b"x = " + b"1+" * 100_000 + b"1", "code/function.py: "),
    "too large": (b"#" * (256 * 1024 + 1), "larger than 256 KiB"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_source_is_refused_with_its_line(name: str) -> None:
    content, message = REFUSED[name]
    problems = check_source("code/function.py", content).problems
    assert len(problems) == 1
    assert problems[0].startswith("code/function.py: ")
    assert message in problems[0]


def test_both_missing_methods_are_named() -> None:
    problems = check_source("f", b"class AIOSv1PolicyRule:\n    pass\n").problems
    assert problems == (
        "f: line 1: AIOSv1PolicyRule has no method eval",
        "f: line 1: AIOSv1PolicyRule has no method management",
    )


@pytest.mark.parametrize(
    "content",
    [
        SOURCE,
        b"\xef\xbb\xbf" + SOURCE,
        b"# -*- coding: utf-8 -*-\n# \xc3\xa9\n" + SOURCE,
        SOURCE.replace(b"AIOSv1PolicyRule", b"Base") + b"\nclass AIOSv1PolicyRule(Base): pass\n",
        SOURCE + b"\nx = '\\d'\n",  # a syntax warning is none of our business
        SOURCE + b"\nx = [" + b"1," * 120_000 + b"]\n",
    ],
    ids=["plain", "bom", "declared", "inherited", "warning", "wide"],
)
def test_good_source_passes(content: bytes) -> None:
    report = check_source("f", content)
    assert (report.problems, report.declared_version) == ((), "1.0")


@pytest.mark.parametrize("version", [b"VERSION = '1'", b"POLICY_VERSION = 1", b"POLICY_VERSION: str = '1'"])
def test_a_version_is_only_a_text_assigned_to_the_name(version: bytes) -> None:
    report = check_source("f", SOURCE.replace(b'POLICY_VERSION = "1.0"', version))
    assert (report.problems, report.declared_version) == ((), None)


def test_source_is_not_run_and_sees_nothing_of_our_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "startup.py"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "ast.py").write_text(f"open({str(tmp_path / 'canary')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    assert check_source("f", b"import os\nos.mkdir('made')\n" + SOURCE).problems == ()
    assert [path.name for path in tmp_path.iterdir()] == ["ast.py"]
