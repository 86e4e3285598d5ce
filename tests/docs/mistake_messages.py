"""Runs a mistake and returns its error message."""

from __future__ import annotations

import ast
import functools
import inspect
import os
import subprocess
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import anyio
from pydantic import ValidationError

import upcloud_sdk
from tests.docs.blocks import ROOT
from tests.moved_time import server_spec
from upcloud_sdk import UpCloud, WaitPolicy
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.docs.mistake import Mistake


@contextmanager
def _only(environment: tuple[tuple[str, str], ...], url: str) -> Generator[None]:
    """Set exactly these variables in this block."""
    before = dict(os.environ)
    try:
        for name in [name for name in os.environ if name.startswith("UPCLOUD_")]:
            del os.environ[name]
        os.environ.update({"UPCLOUD_DEBUG_API_BASE_URL": url, **dict(environment)})
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


async def _run(mistake: Mistake, url: str, simulator: Simulator) -> None:
    code = compile(mistake.code, "<mistake>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    names: dict[str, Any] = {name: getattr(upcloud_sdk, name) for name in upcloud_sdk.__all__}
    names.update(url=url, simulator=simulator, spec=server_spec())
    if "cloud." not in mistake.code:
        await _execute(code, names)
        return
    async with UpCloud(waits=WaitPolicy(first_read_after=0.01, pause=0.01)) as cloud:
        names["cloud"] = cloud
        await _execute(code, names)


async def _execute(code: Any, names: dict[str, Any]) -> None:  # noqa: ANN401 - a code object
    outcome = eval(code, names)
    if inspect.isawaitable(outcome):
        await outcome


@functools.cache
def message(mistake: Mistake) -> str:
    """The error message that this mistake gives.

    Raises:
        AssertionError: There was no error.
    """
    if mistake.program is not None:
        return _said_by(mistake.program)
    simulator = Simulator(boot_seconds=0, stop_seconds=0, token="ucat_right", seed=1)
    with simulator.serve() as url, _only(mistake.environment, url), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", RuntimeWarning)
        try:
            anyio.run(_run, mistake, url, simulator)
        except ValidationError as error:
            text = "\n".join(line for line in str(error).splitlines() if "For further information" not in line)
        except Exception as error:  # noqa: BLE001 - whatever they read is what is shown
            text = f"{type(error).__name__}: {error}"
        else:
            raise AssertionError(f"{mistake.title}: nothing was refused")
    never_awaited = f"coroutine '{mistake.coroutine}' was never awaited"
    if mistake.coroutine and any(str(warning.message) == never_awaited for warning in warned):
        text = f"RuntimeWarning: {never_awaited}\n{text}"
    for uuid in [*simulator.servers, *simulator.storages]:
        text = text.replace(uuid, "00c0ffee-…")
    return text


def _said_by(program: str) -> str:
    """The error output of a failing program, run without credentials."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("UPCLOUD_")}
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode, f"{program}: nothing was refused"
    said = ended.stderr.strip() or ended.stdout.strip()
    return said.splitlines()[-1] if said.startswith("Traceback") else said
