"""The mistakes of a beginner, as code. `docs/mistakes.md` is made by running them."""

from __future__ import annotations

import ast
import functools
import inspect
import os
import textwrap
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
from pydantic import ValidationError

import upcloud_sdk
from tests.moved_time import DEBIAN, server_spec
from upcloud_sdk import UpCloud, WaitPolicy
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Generator

INTRODUCTION = """\
# Mistakes, and what the SDK says

The most likely mistakes of a first day, each with the message that it gives. This page is made by running them
(`python -m tests.docs.mistakes`), and a test fails when it is stale.
"""

SPEC = f"""\
spec = ServerSpec(
    zone="fi-hel1", plan="PREMIUM-1xCPU-1GB", hostname="web", title="web", metadata=True,
    login_user=LoginUser(ssh_keys=["ssh-ed25519 AAAA me@example.com"]),
    storage_devices=[StorageDeviceSpec.clone("{DEBIAN}", size=25)],
)
"""


@dataclass(frozen=True)
class Mistake:
    """One mistake: what is done, in code, and what to do instead, in words."""

    title: str
    code: str
    instead: str
    environment: tuple[tuple[str, str], ...] = ()


def _spec(**changes: str) -> str:
    """A create with something wrong in it, and only that shown."""
    fields = {
        "zone": '"fi-hel1"',
        "plan": '"PREMIUM-1xCPU-1GB"',
        "hostname": '"web"',
        "title": '"web"',
        "metadata": "True",
        "login_user": 'LoginUser(ssh_keys=["ssh-ed25519 AAAA me@example.com"])',
        "storage_devices": f'[StorageDeviceSpec.clone("{DEBIAN}", size=25)]',
    }
    lines = [f"    {name}={value}," for name, value in {**fields, **changes}.items() if value]
    return "\n".join(["spec = ServerSpec(", *lines, ")", "await cloud.servers.create(spec)"])


_TOKEN = (("UPCLOUD_TOKEN", "ucat_right"),)

MISTAKES = (
    Mistake("No credentials", "UpCloud()", "Set UPCLOUD_TOKEN, or pass `Token(...)`."),
    Mistake(
        "Both kinds of credentials",
        "UpCloud()",
        "Unset one kind.",
        (("UPCLOUD_TOKEN", "ucat_x"), ("UPCLOUD_USERNAME", "me"), ("UPCLOUD_PASSWORD", "x")),
    ),
    Mistake(
        "An argument that the client does not have",
        'UpCloud(token="ucat_…")',
        "Credentials are the first argument: `UpCloud(Token(...))`.",
    ),
    Mistake("A token as plain text", 'UpCloud("ucat_…")', "Wrap it: `UpCloud(Token(...))` keeps it out of logs."),
    Mistake(
        "A wrong token",
        'async with UpCloud(Token("ucat_wrong"), base_url=url) as other:\n    await other.account.get()',
        "Make a new token in the control panel.",
        _TOKEN,
    ),
    Mistake(
        "A sub-account without API access",
        'simulator.fail("GET /server", status=403, code="ACTION_FORBIDDEN")\nawait cloud.servers.list()',
        "The main account ticks API access for it, and gives it permissions.",
        _TOKEN,
    ),
    Mistake(
        "Plain http",
        'UpCloud(base_url="http://api.example.com")',
        "Use https. `allow_http=True` is for test machines of your own.",
        _TOKEN,
    ),
    Mistake(
        "A client outside its block",
        "client = UpCloud()\nawait client.zones.list()",
        "`async with UpCloud() as client:`",
        _TOKEN,
    ),
    Mistake(
        "A simulator that does not run",
        'local = UpCloud(base_url="http://127.0.0.1:9", retry=RetryPolicy(attempts=1))\n'
        "async with local:\n    await local.zones.list()",
        "Start it: `python -m upcloud_sdk.simulator`.",
        _TOKEN,
    ),
    Mistake(
        "`anyio.run` where an event loop runs already",
        "import anyio\n\nasync def main() -> None:\n    print(await cloud.zones.list())\n\nanyio.run(main)",
        "`await main()`: a notebook has an event loop.",
        _TOKEN,
    ),
    Mistake("`with` in place of `async with`", "with UpCloud() as client:\n    pass", "`async with`", _TOKEN),
    Mistake(
        "A forgotten `await`",
        "for zone in cloud.zones.list():\n    print(zone.id)",
        "`for zone in await cloud.zones.list():`",
        _TOKEN,
    ),
    Mistake(
        "A template whose title has changed",
        'await cloud.storages.find_template("Debian GNU/Linux 12")',
        "Take one of the titles it names, or an expression: `re.compile(r'^Debian GNU/Linux \\d+')`.",
        _TOKEN,
    ),
    Mistake(
        "A title where a uuid belongs",
        _spec(storage_devices='[StorageDeviceSpec.clone("Debian GNU/Linux 12 (Bookworm)", size=25)]'),
        "`(await cloud.storages.find_template(title)).uuid`",
        _TOKEN,
    ),
    Mistake(
        "A disk smaller than its template",
        _spec(storage_devices=f'[StorageDeviceSpec.clone("{DEBIAN}", size=5)]'),
        "`size` is at least the template's, or left out.",
        _TOKEN,
    ),
    Mistake("Metadata missing", _spec(metadata=""), "Templates of the type `cloud-init` need `metadata=True`.", _TOKEN),
    Mistake(
        "A password where only SSH keys are taken",
        _spec(login_user="LoginUser(create_password=True)"),
        "Give `ssh_keys`.",
        _TOKEN,
    ),
    Mistake("A plan that does not exist", _spec(plan='"PREMIUM-1xCPU-3GB"'), "`await cloud.plans.list()`", _TOKEN),
    Mistake("A zone that does not exist", _spec(zone='"fi-hel9"'), "`await cloud.zones.list()`", _TOKEN),
    Mistake(
        "A zone that is full",
        'simulator.sell_out(zone="fi-hel1")\n' + _spec(),
        'Give several: `cloud.servers.create(spec.variants(zones=["fi-hel1", "fi-hel2"]))`.',
        _TOKEN,
    ),
    Mistake("A host name with `_`", _spec(hostname='"build_1"'), "Use `-`.", _TOKEN),
    Mistake("A misspelt field", _spec(hostnme='"web"'), "Your editor, mypy and pyright see it too.", _TOKEN),
    Mistake(
        "A custom size without cores and memory",
        _spec(plan='"custom"'),
        'Add both: `plan="custom", core_number=2, memory_amount=4096`.',
        _TOKEN,
    ),
    Mistake("A label that is the API's own", _spec(labels='{"_env": "test"}'), "Begin with another character.", _TOKEN),
    Mistake(
        "Deleting a server that runs",
        SPEC
        + "server = await cloud.servers.create(spec)\n"
        + 'await cloud.servers.wait_for_state(server.uuid, "started", timeout=60)\n'
        + "await cloud.servers.delete(server.uuid)",
        "`await cloud.servers.destroy(server.uuid)` stops it first, and takes its disks with it.",
        _TOKEN,
    ),
    Mistake(
        "A server that is gone",
        'await cloud.servers.get("00aaaaaa-0000-4000-8000-000000000000")',
        "Somebody deleted it; `await cloud.servers.list()` has those that exist.",
        _TOKEN,
    ),
    Mistake("One tag as text", 'await cloud.servers.list(tags="web")', 'A list of names: `tags=["web"]`.', _TOKEN),
    Mistake(
        "A lease that is too short", SPEC + "await cloud.servers.create(spec, lease=10)", "A minute or more.", _TOKEN
    ),
)


@contextmanager
def _only(environment: tuple[tuple[str, str], ...], url: str) -> Generator[None]:
    """The environment of somebody who has set just that."""
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
    async with UpCloud(waits=WaitPolicy(first_look=0.01, pause=0.01)) as cloud:
        names["cloud"] = cloud
        await _execute(code, names)


async def _execute(code: Any, names: dict[str, Any]) -> None:  # noqa: ANN401 - a code object
    outcome = eval(code, names)
    if inspect.isawaitable(outcome):
        await outcome


@functools.cache
def message(mistake: Mistake) -> str:
    """What somebody who makes this mistake reads.

    Raises:
        AssertionError: nothing happened.
    """
    simulator = Simulator(boot_seconds=0, stop_seconds=0, token="ucat_right", seed=1)
    with simulator.serve() as url, _only(mistake.environment, url), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            anyio.run(_run, mistake, url, simulator)
        except ValidationError as error:
            text = "\n".join(line for line in str(error).splitlines() if "For further information" not in line)
        except Exception as error:  # noqa: BLE001 - whatever they read is what is shown
            text = f"{type(error).__name__}: {error}"
        else:
            raise AssertionError(f"{mistake.title}: nothing was refused")
    for uuid in simulator.servers:
        text = text.replace(uuid, "00c0ffee-…")
    return text


def page() -> str:
    """`docs/mistakes.md`."""
    parts = [INTRODUCTION]
    for mistake in MISTAKES:
        said = message(mistake)
        said = said if "\n" in said else textwrap.fill(said, 85)
        parts.append(
            f"## "
            f"{mistake.title}\n\n```text\n{mistake.code}\n```\n\n```text\n{said}\n```\n\nInstead: {mistake.instead}\n"
        )
    return "\n".join(parts)


if __name__ == "__main__":
    from tests.docs.blocks import ROOT

    (ROOT / "docs" / "mistakes.md").write_text(page(), encoding="utf-8")
