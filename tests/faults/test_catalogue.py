"""The list of faults is whole: every case of it is in the name of a test of this folder."""

import re
import subprocess
import sys
from pathlib import Path

COUNTS = {"N": range(1, 31), "P": (*range(1, 18), *range(20, 28)), "M": range(1, 16), "R": range(1, 6),
          "S": range(1, 11), "C": range(1, 6), "O": range(1, 15), "A": range(1, 11)}  # fmt: skip
CASES = [f"{kind}-{number:02d}" for kind, numbers in COUNTS.items() for number in numbers]


def test_all_114_cases_have_a_test() -> None:
    assert len(CASES) == 114
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", str(Path(__file__).parent)]
    listed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]).stdout
    named = {
        f"{kind.upper()}-{number}" for kind, number in re.findall(r"(?<![A-Za-z])([A-Za-z])[-_](\d\d)(?!\d)", listed)
    }
    assert [case for case in CASES if case not in named] == []
    assert len(re.findall(r"::", listed)) >= 114
