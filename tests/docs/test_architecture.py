from __future__ import annotations

import ast
import re
import tomllib

import pytest

from tests.docs.blocks import ROOT

BUILDBOT = ROOT / "upcloud_sdk" / "buildbot"


def _layers(container: str | None) -> list[str]:
    """The layers in the import contract of this package, from top to bottom."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = next(
        each
        for each in settings["tool"]["importlinter"]["contracts"]
        if each["type"] == "layers" and each.get("containers") == (None if container is None else [container])
    )
    return [name.strip() for layer in contract["layers"] for name in layer.split("|")]


def _picture(title: str) -> list[str]:
    """The modules that a picture of the page begins its lines with."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    return re.findall(r"^(\w\S*)", page.split(f'```text title="{title}"')[1].partition("```")[0], re.MULTILINE)


def test_the_list_of_layers_matches_the_contract_of_import_linter() -> None:
    assert _picture("Layers of the SDK") == _layers(None)


def test_the_list_of_the_simulators_layers_matches_the_contract_of_import_linter() -> None:
    assert _picture("Layers of the simulator") == _layers("upcloud_sdk.simulator")


@pytest.mark.parametrize("package", ["upcloud_sdk.fleet", "upcloud_sdk.ci", "upcloud_sdk.buildbot"])
def test_the_list_of_a_packages_layers_matches_the_contract_of_import_linter(package: str) -> None:
    assert _picture(f"Layers of {package}") == _layers(package)


def test_the_list_of_the_files_below_the_worker_is_complete() -> None:
    layers = _picture("Layers of upcloud_sdk.buildbot")
    rooms = layers[layers.index("master") :]
    files = [f"{room}/{each.name}" for room in rooms for each in (BUILDBOT / room).glob("*.py")]
    assert sorted(_picture("Files of upcloud_sdk/buildbot")) == sorted(
        each for each in files if not each.endswith("/__init__.py")
    )


def test_each_file_below_the_worker_imports_only_files_listed_below_it() -> None:
    files = _picture("Files of upcloud_sdk/buildbot")
    for number, name in enumerate(files):
        tree = ast.parse((BUILDBOT / name).read_text(encoding="utf-8"))
        imported = [each.module or "" for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)]
        ours = [each.removeprefix("upcloud_sdk.buildbot.") for each in imported if "upcloud_sdk.buildbot" in each]
        assert {each.replace(".", "/") + ".py" for each in ours} <= set(files[number + 1 :]), name


@pytest.mark.parametrize("house", ["simulator", "fleet", "ci", "buildbot"])
def test_each_package_has_a_docstring(house: str) -> None:
    packages = (ROOT / "upcloud_sdk" / house).rglob("__init__.py")
    assert [str(each) for each in packages if not each.read_text(encoding="utf-8").startswith('"""')] == []


@pytest.mark.parametrize("house", ["simulator", "fleet", "ci", "buildbot"])
def test_no_package_has_more_than_a_dozen_modules(house: str) -> None:
    packages = (each.parent for each in (ROOT / "upcloud_sdk" / house).rglob("__init__.py"))
    sizes = {str(each): len([one for one in each.glob("*.py") if one.name != "__init__.py"]) for each in packages}
    assert {name: size for name, size in sizes.items() if size > 12} == {}


def test_each_chapter_of_the_simulator_is_in_its_table() -> None:
    from upcloud_sdk.simulator.chapters.table import CHAPTERS  # noqa: PLC0415 - this test alone needs it

    folder = ROOT / "upcloud_sdk" / "simulator" / "chapters"
    modules = [each for each in folder.glob("*/*.py") if "routes = Routes()" in each.read_text(encoding="utf-8")]
    named = {f"{each.parent.name}.{each.stem}" for each in modules}
    assert named - set(CHAPTERS) == {"storages.uploads"}  # the upload host is not part of the API
