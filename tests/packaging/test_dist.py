"""The released files are built, checked, and used from empty environments. Run by `make dist`."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHONS = [Path(sys.executable), Path("/usr/bin/python3")]
"""The Python that runs this test, and the system's, which is newer on some machines."""


def run(*command: object, cwd: Path = ROOT) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder)
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (found,) = dist.glob("*.whl")
    return found


def test_the_metadata_and_the_contents_pass_the_checkers(dist: Path) -> None:
    run(sys.executable, "-m", "twine", "check", "--strict", *dist.iterdir())
    run(Path(sys.executable).parent / "check-wheel-contents", dist)


def test_the_wheel_has_the_package_and_nothing_else(wheel: Path) -> None:
    tracked = run("git", "ls-files", "upcloud_sdk").split()
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert sorted(name for name in names if ".dist-info/" not in name) == sorted(tracked)
    assert "upcloud_sdk/py.typed" in names
    info = {name.partition(".dist-info/")[2] for name in names if ".dist-info/" in name}
    assert info == {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}


def test_the_sdist_has_what_is_needed_to_build_and_test_it(dist: Path) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "Makefile", "tests/conftest.py"} <= names
    assert not any(name.startswith((".venv", "site/", ".demo")) for name in names)


@pytest.mark.parametrize("python", PYTHONS, ids=str)
def test_the_wheel_works_without_extras_in_an_empty_environment(python: Path, wheel: Path, tmp_path: Path) -> None:
    if not python.exists():
        pytest.skip(f"wants {python}: `make dist` runs it where that is installed")
    environment = tmp_path / "venv"
    run(python, "-m", "venv", environment)
    fresh = environment / "bin" / "python"
    run(fresh, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    installed = run(fresh, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check")
    assert "starlette" not in installed
    assert "buildbot" not in installed
    run(
        fresh,
        "-c",
        "import upcloud_sdk, upcloud_sdk.models as m; [getattr(m, name) for name in m.__all__]",
        cwd=tmp_path,
    )
    assert "is started at" in run(fresh, ROOT / "examples" / "quickstart.py", cwd=tmp_path)


def test_serving_the_simulator_without_its_extra_names_the_extra(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "venv"
    run(sys.executable, "-m", "venv", environment)
    fresh = environment / "bin" / "python"
    run(fresh, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    done = subprocess.run(
        [fresh, "-m", "upcloud_sdk.simulator"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert done.stderr == "upcloud_sdk.simulator: serving needs an extra: pip install 'upcloud-sdk[simulator]'\n"
