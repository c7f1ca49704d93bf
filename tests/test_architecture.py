"""The rules that no single file can break: who may import whom, and how."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "tui" / "aios_top"
SOURCES = sorted(PACKAGE.rglob("*.py"))
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
POLICIES = sorted([ROOT / "policy" / "code" / "function.py", *PACKAGE.glob("testbed/policies/*/code/function.py")])


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> list[ast.Import | ast.ImportFrom]:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)]


def top_level(path: Path) -> set[str]:
    """Return the first word of every module that a file imports."""
    names = [alias.name for node in imports(path) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in imports(path) if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


def lint_imports(root: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the contracts of `root` on the package in `folder`."""
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--config", root / "pyproject.toml"],
        check=False,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )


def test_every_import_contract_is_kept():
    done = lint_imports(ROOT, ROOT / "tui")

    assert done.returncode == 0, done.stdout
    assert f"{len(CONTRACTS)} kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("model/window.py", "import aios_top.render.document", "Layers"),
        ("console/__init__.py", "import aios_top.store", "The console reaches the world only through the engine"),
        ("render/document.py", "import rich.text", "Only the console draws"),
        ("store/__init__.py", "import httpx", "Only aios speaks HTTP as a client"),
        ("model/window.py", "import time", "The model and its wording are pure"),
    ],
)
def test_a_broken_contract_is_found(tmp_path, file, line, contract):
    """A contract that never fails would prove nothing."""
    copy = tmp_path / "aios_top"
    for path in SOURCES:
        target = copy / path.relative_to(PACKAGE)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(path.read_text())
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    broken = copy / file
    broken.write_text(f"{broken.read_text()}\n{line}\n")

    done = lint_imports(tmp_path, tmp_path)

    assert done.returncode == 1
    assert re.search(rf"{contract}.*BROKEN", done.stdout), done.stdout


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_no_type_checking_blocks_and_no_relative_imports(path):
    assert "TYPE_CHECKING" not in path.read_text()
    assert not [node for node in imports(path) if isinstance(node, ast.ImportFrom) and node.level]


@pytest.mark.parametrize("path", [path for path in SOURCES if not path.is_relative_to(PACKAGE / "cli")], ids=relative)
def test_imports_stand_at_the_top_except_in_the_command_line_or_with_a_reason(path):
    lines = path.read_text().splitlines()
    inside = [
        node
        for outer in ast.walk(ast.parse(path.read_text()))
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(outer)
        if isinstance(node, ast.Import | ast.ImportFrom) and "# noqa: PLC0415 - " not in lines[node.lineno - 1]
    ]

    assert inside == []


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_every_file_says_what_it_is_for(path):
    text = path.read_text()

    assert not text or ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_no_drawer_for_everything(path):
    assert path.stem not in {"utils", "util", "helpers", "helper", "common", "manager", "misc"}


@pytest.mark.parametrize("path", POLICIES, ids=relative)
def test_a_policy_needs_the_standard_library_only(path):
    """AIOS pip-installs requirements at each start; a policy without any starts on a cluster without a network."""
    assert top_level(path) <= sys.stdlib_module_names
    requirements = path.with_name("requirements.txt")
    if requirements.exists():
        assert [line for line in requirements.read_text().splitlines() if line and not line.startswith("#")] == []


def test_testbed_and_client_share_no_schema():
    """They could otherwise agree only with each other."""
    for path in sorted((PACKAGE / "testbed").rglob("*.py")):
        modules = [node.module or "" for node in imports(path) if isinstance(node, ast.ImportFrom)]
        modules += [alias.name for node in imports(path) if isinstance(node, ast.Import) for alias in node.names]
        assert not [name for name in modules if name.startswith(("aios_top.aios", "aios_top.model"))], path


def test_importing_the_package_imports_nothing_else():
    program = "import sys; before = set(sys.modules); import aios_top; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "['aios_top']\n"
