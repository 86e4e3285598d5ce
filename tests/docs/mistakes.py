"""The mistakes of a beginner, as code. `docs/mistakes.md` is made by running them."""

from __future__ import annotations

import ast
import functools
import inspect
import os
import subprocess
import sys
import textwrap
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import anyio
from pydantic import ValidationError

import upcloud_sdk
from tests.docs.blocks import ROOT
from tests.docs.image_mistakes import IMAGE_MISTAKES
from tests.docs.mistake import TOKEN, Mistake
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
        TOKEN,
    ),
    Mistake(
        "A sub-account without API access",
        'simulator.fail("GET /server", status=403, code="ACTION_FORBIDDEN")\nawait cloud.servers.list()',
        "The main account ticks API access for it, and gives it permissions.",
        TOKEN,
    ),
    Mistake(
        "Plain http",
        'UpCloud(base_url="http://api.example.com")',
        "Use https. `allow_http=True` is for test machines of your own.",
        TOKEN,
    ),
    Mistake(
        "A client outside its block",
        "client = UpCloud()\nawait client.zones.list()",
        "`async with UpCloud() as client:`",
        TOKEN,
    ),
    Mistake(
        "A client after its block",
        "async with UpCloud() as client:\n    zones = client.zones\nawait zones.list()",
        "Keep the block open for as long as you need the client.",
        TOKEN,
    ),
    Mistake(
        "A simulator that does not run",
        'local = UpCloud(base_url="http://127.0.0.1:9", retry=RetryPolicy(attempts=1))\n'
        "async with local:\n    await local.zones.list()",
        "Start it: `python -m upcloud_sdk.simulator`.",
        TOKEN,
    ),
    Mistake(
        "`anyio.run` where an event loop runs already",
        "import anyio\n\nasync def main() -> None:\n    print(await cloud.zones.list())\n\nanyio.run(main)",
        "`await main()`: a notebook has an event loop.",
        TOKEN,
    ),
    Mistake("`with` in place of `async with`", "with UpCloud() as client:\n    pass", "`async with`", TOKEN),
    Mistake(
        "`await` in place of `async with`",
        SPEC + "server = await cloud.servers.ephemeral(spec)",
        "`async with`: the server is deleted at the end of the block. `create` is for a server that stays.",
        TOKEN,
    ),
    Mistake(
        "`await` in place of `async for`",
        "await cloud.audit_logs.list()",
        "`async for`. Of all lists this one alone comes page by page: it may be very long.",
        TOKEN,
    ),
    Mistake(
        "A forgotten `await`",
        "for zone in cloud.zones.list():\n    print(zone.id)",
        "`for zone in await cloud.zones.list():`. The words are Python's own, since methods are plain coroutines, as "
        "`asyncio.gather` and task groups want them. mypy, pyright and your editor see it before.",
        TOKEN,
        "Zones.list",
    ),
    Mistake(
        "A name that does not exist",
        SPEC + "server = await cloud.servers.create(spec)\nprint(server.ip)",
        "Take the name that it says.",
        TOKEN,
    ),
    Mistake(
        "A detail of a server in a list",
        SPEC
        + "server = await cloud.servers.create(spec)\n"
        + "for server in await cloud.servers.list():\n    print(server.public_ipv4)",
        "`(await cloud.servers.get(server)).public_ipv4`",
        TOKEN,
    ),
    Mistake(
        "A method that does not exist",
        SPEC + "server = await cloud.servers.create(spec)\nawait cloud.servers.wait(server)",
        "Take the name that it says.",
        TOKEN,
    ),
    Mistake(
        "A method that another namespace has",
        'await cloud.plans.get("PREMIUM-1xCPU-1GB")',
        '`[plan for plan in await cloud.plans.list() if plan.name == "PREMIUM-1xCPU-1GB"]`',
        TOKEN,
    ),
    Mistake(
        "A limit of a list",
        "await cloud.servers.list(limit=10)",
        "Leave it out: a list is always complete. `page_size=` asks for fewer at a time.",
        TOKEN,
    ),
    Mistake(
        "A server by its name",
        'await cloud.servers.get("web-1")',
        '`[server for server in await cloud.servers.list() if server.hostname == "web-1"]`',
        TOKEN,
    ),
    Mistake(
        "A state that there is not",
        SPEC
        + "server = await cloud.servers.create(spec)\n"
        + 'await cloud.servers.wait_for_state(server, "running", timeout=60)',
        "`ServerState.STARTED`",
        TOKEN,
    ),
    Mistake(
        "A family of templates",
        'await cloud.storages.find_template("ubuntu")',
        'Take one of these titles, or a slug: `find_template("ubuntu-24.04")`.',
        TOKEN,
    ),
    Mistake(
        "A title by its name",
        'await cloud.storages.find_template(title="Debian GNU/Linux 13 (Trixie)")',
        '`find_template("Debian GNU/Linux 13 (Trixie)")`',
        TOKEN,
    ),
    Mistake(
        "The path of an SSH key as text",
        'LoginUser(ssh_keys=["~/.ssh/id_ed25519.pub"])',
        '`LoginUser(ssh_keys=[Path("~/.ssh/id_ed25519.pub")])`',
        TOKEN,
    ),
    Mistake(
        "Something else for an SSH key",
        'LoginUser(ssh_keys=["hello"])',
        "A public key is the one line of the file that ends in `.pub`.",
        TOKEN,
    ),
    Mistake(
        "One key in the place of a list",
        'LoginUser(ssh_keys="ssh-ed25519 AAAA me@example.com")',
        '`LoginUser(ssh_keys=["ssh-ed25519 AAAA me@example.com"])`',
        TOKEN,
    ),
    Mistake("A size with its unit", 'StorageDeviceSpec.create(size="25GB")', "`size=25`", TOKEN),
    Mistake(
        "One disk in the place of a list",
        _spec(storage_devices=f'StorageDeviceSpec.clone("{DEBIAN}", size=25)'),
        "`storage_devices=[StorageDeviceSpec.clone(...)]`",
        TOKEN,
    ),
    Mistake(
        "The price of a server in a zone that does not exist",
        "await cloud.prices.estimate(spec.model_copy(update={'zone': 'fi-hel9'}))",
        "Take one of the zones that it names.",
        TOKEN,
    ),
    Mistake(
        "The price of a plan that does not exist",
        "await cloud.prices.estimate(spec.model_copy(update={'plan': 'PREMIUM-1xCPU-3GB'}))",
        "Take one of the plans that it names.",
        TOKEN,
    ),
    Mistake(
        "A fault of an endpoint that there is not",
        'simulator.fail("POST /servers", status=500)',
        'Take one that it names: `simulator.fail("POST /server", status=500)`. With the pytest fixtures, a fault that '
        "no call meets fails the test.",
        TOKEN,
    ),
    Mistake(
        "A template whose title has changed",
        'await cloud.storages.find_template("Debian GNU/Linux 12")',
        "Take one of the titles it names, or an expression: `re.compile(r'^Debian GNU/Linux \\d+')`.",
        TOKEN,
    ),
    Mistake(
        "A title where a uuid belongs",
        _spec(storage_devices='[StorageDeviceSpec.clone("Debian GNU/Linux 12 (Bookworm)", size=25)]'),
        "`(await cloud.storages.find_template(title)).uuid`",
        TOKEN,
    ),
    Mistake(
        "A disk smaller than its template",
        _spec(storage_devices=f'[StorageDeviceSpec.clone("{DEBIAN}", size=5)]'),
        "`size` is at least the template's, or left out.",
        TOKEN,
    ),
    Mistake("Metadata missing", _spec(metadata=""), "Templates of the type `cloud-init` need `metadata=True`.", TOKEN),
    Mistake(
        "A password where only SSH keys are taken",
        _spec(login_user="LoginUser(create_password=True)"),
        "Give `ssh_keys`.",
        TOKEN,
    ),
    Mistake("A plan that does not exist", _spec(plan='"PREMIUM-1xCPU-3GB"'), "`await cloud.plans.list()`", TOKEN),
    Mistake("A zone that does not exist", _spec(zone='"fi-hel9"'), "`await cloud.zones.list()`", TOKEN),
    Mistake(
        "A zone that is full",
        'simulator.sell_out(zone="fi-hel1")\n' + _spec(),
        'Give several: `cloud.servers.create(spec.variants(zones=["fi-hel1", "fi-hel2"]))`.',
        TOKEN,
    ),
    Mistake("A host name with `_`", _spec(hostname='"build_1"'), "Use `-`.", TOKEN),
    Mistake("A misspelt field", _spec(hostnme='"web"'), "Your editor, mypy and pyright see it too.", TOKEN),
    Mistake(
        "A custom size without cores and memory",
        _spec(plan='"custom"'),
        'Add both: `plan="custom", core_number=2, memory_amount=4096`.',
        TOKEN,
    ),
    Mistake("A label that is the API's own", _spec(labels='{"_env": "test"}'), "Begin with another character.", TOKEN),
    Mistake(
        "Deleting a server that runs",
        SPEC
        + "server = await cloud.servers.create(spec)\n"
        + 'await cloud.servers.wait_for_state(server.uuid, "started", timeout=60)\n'
        + "await cloud.servers.delete(server.uuid)",
        "`await cloud.servers.destroy(server.uuid)` stops it first, and takes its disks with it.",
        TOKEN,
    ),
    Mistake(
        "A server that is gone",
        'await cloud.servers.get("00aaaaaa-0000-4000-8000-000000000000")',
        "Somebody deleted it; `await cloud.servers.list()` has those that exist.",
        TOKEN,
    ),
    Mistake("One tag as text", 'await cloud.servers.list(tags="web")', 'A list of names: `tags=["web"]`.', TOKEN),
    Mistake(
        "A lease that is too short", SPEC + "await cloud.servers.create(spec, lease=10)", "A minute or more.", TOKEN
    ),
    Mistake(
        "An extra that is not installed",
        "import upcloud_sdk.buildbot",
        "Install it. So it is for the simulator that is served over HTTP, and for the command line.",
        program="import sys; sys.modules['buildbot'] = None; import upcloud_sdk.buildbot",
    ),
    Mistake(
        "No token for the example's `master.cfg`",
        "buildbot checkconfig examples/buildbot/master.cfg",
        "`export UPCLOUD_TOKEN=ucat_...`",
        program="from buildbot.scripts.runner import run; import sys; "
        "sys.argv = ['buildbot', 'checkconfig', 'examples/buildbot/master.cfg']; run()",
    ),
    *IMAGE_MISTAKES,
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
    """What a program says that fails, without credentials in its environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("UPCLOUD_")}
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode, f"{program}: nothing was refused"
    said = ended.stderr.strip() or ended.stdout.strip()
    return said.splitlines()[-1] if said.startswith("Traceback") else said


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
    (ROOT / "docs" / "mistakes.md").write_text(page(), encoding="utf-8")
