"""Measures the cost of imports, each in a new process."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.benchmarks.measure import Section, Times

if TYPE_CHECKING:
    from collections.abc import Mapping

BASE = "import httpx, pydantic, anyio"
TOUCHED = "from upcloud_sdk import Token, UpCloud; UpCloud(Token('x')).servers"
CALLED = (
    "import anyio, httpx\n"
    "from upcloud_sdk import Token, UpCloud\n"
    "from tests.sdk import documents\n"
    "async def main():\n"
    "    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=documents.server()))\n"
    "    async with UpCloud(Token('x'), transport=transport) as cloud:\n"
    "        await cloud.servers.get(documents.SERVER)\n"
    "anyio.run(main)"
)
"""A program with the event loop, which the others do not start, and the first validation."""


def imports(*, rounds: int) -> Section:
    """Measure the bare import, the first use of `servers`, and the first call."""
    section = Section("Import")
    statements = {
        "base": BASE,
        "the SDK": f"{BASE}; import upcloud_sdk",
        "alone": "import upcloud_sdk",
        "touched": f"{BASE}; {TOUCHED}",
        "a model": f"{BASE}\nclass Model(pydantic.BaseModel): number: int",
        "called": CALLED,
    }
    times = _processes(statements, rounds=rounds)
    base = f"{times.median('base') * 1e3:.0f} ms"
    section.add("import upcloud_sdk with httpx, pydantic, anyio, over these", times.ratio("the SDK", "base"), 1.05)
    section.add("import upcloud_sdk alone, over the three", times.ratio("alone", "base"), note=f"they take {base}")
    section.add("first use of `servers`, over the three", times.ratio("touched", "base"), 1.55)
    section.add("one pydantic model of one field, over the three", times.ratio("a model", "base"))
    section.add("a whole call of servers.get, event loop and validation too", times.ratio("called", "base"))
    return section


def _processes(statements: Mapping[str, str], *, rounds: int) -> Times:
    times = Times.of(statements)
    # With bytecode, like installed packages and like every import but the first.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for turn in range(rounds + 1):
        for name, statement in statements.items():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, "-c", statement], check=True, env=environment)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            if turn:
                times.took(name, 1, cpu, cpu)
    return times
