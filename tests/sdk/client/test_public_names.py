from __future__ import annotations

import importlib
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import upcloud_sdk
from upcloud_sdk import errors, models
from upcloud_sdk._wire import OpenEnum, Request, Resource

if TYPE_CHECKING:
    from types import ModuleType


@pytest.mark.parametrize("module", ["upcloud_sdk", "upcloud_sdk.models", "upcloud_sdk.errors", "upcloud_sdk.simulator"])
def test_each_public_name_exists_and_is_in_a_sorted_list_and_in_dir(module: str) -> None:
    loaded = importlib.import_module(module)
    names: list[str] = loaded.__all__
    assert names == sorted(names)
    assert len(names) == len(set(names))
    for name in names:
        assert getattr(loaded, name) is not None
    assert set(names) <= set(dir(loaded))


@pytest.mark.parametrize("module", [upcloud_sdk, models])
def test_dir_shows_only_public_names(module: ModuleType) -> None:
    assert [name for name in dir(module) if not name.startswith("__")] == [
        name for name in module.__all__ if not name.startswith("__")
    ]


def test_every_model_and_every_enumeration_is_public() -> None:
    for name in models.__all__:
        getattr(models, name)
    kinds = [*_below(Resource), *_below(Request), *_below(OpenEnum)]
    missing = {
        kind.__name__
        for kind in kinds
        if kind.__module__.startswith("upcloud_sdk.models.") and not kind.__name__.startswith("_")
    } - set(models.__all__)
    assert missing == set()


def test_every_error_is_public() -> None:
    kinds = {errors.UpCloudError.__name__, *(kind.__name__ for kind in _below(errors.UpCloudError))}
    assert {name for name in kinds if not name.startswith("_")} == set(errors.__all__)


def test_an_unknown_name_raises_attribute_error() -> None:
    with pytest.raises(AttributeError, match="UpClod"):
        getattr(upcloud_sdk, "UpClod")  # noqa: B009 - what the test is about
    with pytest.raises(AttributeError, match="Sever"):
        getattr(models, "Sever")  # noqa: B009 - what the test is about


def test_help_shows_how_to_begin() -> None:
    assert upcloud_sdk.__doc__ is not None
    assert "async with UpCloud()" in upcloud_sdk.__doc__
    assert upcloud_sdk.UpCloud.__doc__ is not None


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import upcloud_sdk", ("httpx", "pydantic", "anyio", "buildbot", "starlette", "uvicorn")),
        (
            "from upcloud_sdk import UpCloud",
            ("asyncio", "buildbot", "twisted", "starlette", "uvicorn", "upcloud_sdk.models.servers"),
        ),
        (
            # No model is built either, which would load pydantic's plugins. The first answer or spec does that.
            "from upcloud_sdk import Token, UpCloud; UpCloud(Token('x')).servers",
            (
                "pydantic.plugin._loader",
                "upcloud_sdk.events",
                "upcloud_sdk.fleet.records.observed",
                "upcloud_sdk.models.firewall",
                "upcloud_sdk.models.server_requests",
                "upcloud_sdk.resources.networks",
            ),
        ),
        ("import upcloud_sdk.simulator", ("starlette", "uvicorn", "upcloud_sdk.client", "upcloud_sdk.models")),
    ],
)
def test_an_import_loads_no_unused_modules(statement: str, absent: tuple[str, ...]) -> None:
    script = f"import sys; {statement}; print([name for name in {absent!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def _below(kind: type[Any]) -> list[type[Any]]:
    return [each for sub in kind.__subclasses__() for each in (sub, *_below(sub))]
