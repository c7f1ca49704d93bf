"""What a newcomer installs: wheel, source archive and checkout hold the same program."""

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from aios_top import __version__
from aios_top.shipped import shipped

ROOT = Path(__file__).parent.parent
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "dist", "build")

pytestmark = pytest.mark.xdist_group("packaging")


def build(source: Path, target: Path, *what: str) -> None:
    """Run the build backend without a network."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target), *what, str(source)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return sorted(archive.namelist())


@pytest.fixture(scope="session")
def checkout(tmp_path_factory) -> Path:
    """A copy, so that a file that another test writes does not slip in."""
    copy = tmp_path_factory.mktemp("checkout") / "aios-top"
    shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
    return copy


@pytest.fixture(scope="session")
def wheel(checkout, tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    build(checkout, target, "--wheel")
    return next(target.glob("*.whl"))


@pytest.fixture(scope="session")
def sdist(checkout, tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("sdist")
    build(checkout, target, "--sdist")
    return next(target.glob("*.tar.gz"))


def test_the_wheel_holds_program_policy_themes_and_licence(wheel):
    found = set(names(wheel))
    info = f"aios_top-{__version__}.dist-info"

    assert found >= {
        "aios_top/__init__.py",
        "aios_top/__main__.py",
        "aios_top/py.typed",
        "aios_top/cli/main.py",
        "aios_top/_shipped/policy/code/function.py",
        "aios_top/_shipped/policy/code/requirements.txt",
        "aios_top/_shipped/policy/registration.json",
        "aios_top/_shipped/policy/parameters/conservative.json",
        "aios_top/_shipped/policy/parameters/throughput.json",
        "aios_top/_shipped/policy/parameters/tutorial.json",
        "aios_top/guide/first-steps.md",
        "aios_top/testbed/policies/tokenautoscaler/code/function.py",
        f"{info}/licenses/LICENSE",
        f"{info}/entry_points.txt",
    }
    assert [name for name in found if name.startswith("aios_top/_shipped/themes/") and name.endswith(".toml")]
    assert {name.split("/")[0] for name in found} == {"aios_top", info}
    assert not [name for name in found if "__pycache__" in name or name.endswith((".pyc", ".gitkeep"))]


def test_the_wheel_lacks_no_module_of_the_checkout(wheel, checkout):
    sources = {str(path.relative_to(checkout / "tui")) for path in (checkout / "tui").rglob("*.py")}

    assert sources <= set(names(wheel))


def test_the_source_archive_builds_the_same_wheel(sdist, wheel, tmp_path):
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    source = tmp_path / f"aios_top-{__version__}"
    build(source, tmp_path / "out", "--wheel")
    again = next((tmp_path / "out").glob("*.whl"))

    assert names(again) == names(wheel)
    with zipfile.ZipFile(again) as one, zipfile.ZipFile(wheel) as other:
        assert {name: one.read(name) for name in one.namelist()} == {
            name: other.read(name) for name in other.namelist()
        }


def test_the_source_archive_holds_tests_and_documents(sdist):
    with tarfile.open(sdist) as archive:
        found = {name.partition("/")[2] for name in archive.getnames()}

    assert found >= {"README.md", "LICENSE", "CHANGELOG.md", "pyproject.toml", "policy/code/function.py"}
    assert "tests/test_packaging.py" in found


def test_a_checkout_finds_policy_and_themes():
    assert (shipped("policy") / "code" / "function.py").is_file()
    assert list(shipped("themes").glob("*.toml"))


def test_something_that_is_not_shipped_is_named():
    with pytest.raises(FileNotFoundError, match=r"nothing: not found beside the package .* reinstall"):
        shipped("nothing")


@pytest.mark.slow
def test_an_installed_wheel_finds_everything_and_runs(wheel, tmp_path):
    """Its dependencies are those of this environment, appended to its path: no package index is asked."""
    home = tmp_path / "venv"
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-index", "--no-deps", str(wheel)],
        check=True,
        capture_output=True,
        timeout=120,
    )
    packages = next((home / "lib").glob("python*/site-packages"))
    dependencies = next(Path(entry) for entry in sys.path if (Path(entry) / "httpx").is_dir())
    (packages / "dependencies.pth").write_text(f"{dependencies}\n")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}

    def run(*command: str) -> str:
        done = subprocess.run(
            [str(home / "bin" / command[0]), *command[1:]],
            check=True,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=clean,
            timeout=60,
        )
        return done.stdout

    places = "from aios_top.shipped import shipped as s; print(s('policy') / 'code/function.py', s('themes'))"
    function, themes = map(Path, run("python", "-c", places).split())
    assert function.is_file()
    assert function.is_relative_to(packages)
    assert list(themes.glob("*.toml"))
    assert run("aios-top", "--version") == f"aios-top {__version__}\n"
    assert run("python", "-m", "aios_top", "--version") == f"aios-top {__version__}\n"
    run("aios-top", "policy", "pack", "--output", "policy.zip")
    assert "code/function.py" in zipfile.ZipFile(tmp_path / "policy.zip").namelist()
