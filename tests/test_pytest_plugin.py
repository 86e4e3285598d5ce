"""The pytest plugin, in a separate pytest."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from tests.docs.blocks import ROOT, blocks_of

if TYPE_CHECKING:
    from collections.abc import Callable

pytest_plugins = ["pytester"]

BLOCKS = [block.code for block in blocks_of(ROOT / "docs" / "testing.md")]
EXAMPLE, ONE_LOOP, FAULTS, OVERRIDDEN = BLOCKS
SPEC = EXAMPLE.partition("async def")[0]


@pytest.fixture
def outcomes(pytester: pytest.Pytester) -> Callable[..., dict[str, int]]:
    """Runs a test file. Returns the numbers of passed, failed and other tests."""

    def run(*parts: str) -> dict[str, int]:
        pytester.makepyfile("\n\n".join(parts))
        result = pytester.runpytest_inprocess("-q", "-W", "error", "-p", "no:cacheprovider")
        return result.parseoutcomes()

    return run


def test_the_example_of_the_docs_runs_on_both_event_loops(outcomes: Callable[..., dict[str, int]]) -> None:
    assert outcomes(EXAMPLE) == {"passed": 2}
    assert len([line for line in EXAMPLE.splitlines() if line]) <= 10


def test_one_event_loop_can_be_chosen(outcomes: Callable[..., dict[str, int]]) -> None:
    assert outcomes(EXAMPLE, ONE_LOOP) == {"passed": 1}


def test_the_simulator_can_be_told_to_refuse(outcomes: Callable[..., dict[str, int]]) -> None:
    assert outcomes(SPEC, FAULTS) == {"passed": 2}


def test_the_simulator_can_be_another(outcomes: Callable[..., dict[str, int]]) -> None:
    assert outcomes(OVERRIDDEN) == {"passed": 2}


def test_each_test_has_an_account_of_its_own(outcomes: Callable[..., dict[str, int]]) -> None:
    test = """
    import pytest
    from upcloud_sdk.models import TagSpec

    @pytest.mark.parametrize("_", range(2))
    async def test_it(upcloud, _):
        assert await upcloud.tags.list() == ()
        await upcloud.tags.create(TagSpec(name="dev"))
    """
    assert outcomes(test) == {"passed": 4}


def test_clients_of_the_environment_go_to_the_served_simulator(
    outcomes: Callable[..., dict[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPCLOUD_USERNAME", "someone")
    monkeypatch.setenv("UPCLOUD_PASSWORD", "of-the-real-account")
    test = """
    from upcloud_sdk import UpCloud

    async def test_it(upcloud_url, upcloud_simulator, anyio_backend):
        assert upcloud_url.startswith("http://127.0.0.1:")
        async with UpCloud() as cloud:
            assert (await cloud.account.get()).username == upcloud_simulator.account.username
    """
    assert outcomes(test) == {"passed": 2}


def test_a_served_simulator_and_a_client_share_the_account(outcomes: Callable[..., dict[str, int]]) -> None:
    test = """
    import httpx
    from upcloud_sdk.models import TagSpec

    async def test_it(upcloud, upcloud_url):
        await upcloud.tags.create(TagSpec(name="dev"))
        tags = httpx.get(f"{upcloud_url}/1.3/tag", auth=("any", "thing")).json()
        assert [tag["name"] for tag in tags["tags"]["tag"]] == ["dev"]
    """
    assert outcomes(test) == {"passed": 2}


def test_the_plugin_imports_nothing_until_a_fixture_is_used() -> None:
    script = """
import sys
import pytest
before = set(sys.modules)
import upcloud_sdk.testing
print(*sorted(set(sys.modules) - before))
"""
    printed = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)
    assert printed.stdout.split() == ["upcloud_sdk", "upcloud_sdk._version", "upcloud_sdk.testing"]


def test_a_run_without_the_fixtures_does_not_load_the_sdk(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import sys

        def test_it():
            assert "upcloud_sdk.testing" in sys.modules
            loaded = {name for name in sys.modules if name.startswith("upcloud_sdk")}
            assert loaded == {"upcloud_sdk", "upcloud_sdk._version", "upcloud_sdk.testing"}
    """)
    result = pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider", timeout=120)
    result.assert_outcomes(passed=1)


def test_a_fault_that_no_call_met_fails_its_test(outcomes: Callable[..., dict[str, int]]) -> None:
    test = """

    async def test_met(upcloud, upcloud_simulator):
        upcloud_simulator.fail("GET /zone", status=503)
        await upcloud.zones.list()

    def test_unmet(upcloud_simulator):
        upcloud_simulator.fail("POST /server", status=500)
    """
    one_loop = textwrap.indent(ONE_LOOP, "    ")
    assert outcomes(one_loop + test) == {"passed": 2, "errors": 1}
