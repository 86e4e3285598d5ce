"""Random programs with random faults: the promises hold after each step and at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.reliability.lives import FAULTS
from tests.reliability.world import World
from upcloud_sdk._identity import RUN

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

PATTERNS = (
    "*",
    "GET /server",
    "GET /server/*",
    "POST /server",
    "POST /server/*/stop",
    "PUT /server/*",
    "DELETE /server/*",
    "DELETE /storage/*",
    "GET /storage*",
)


class Programs(RuleBasedStateMachine):
    """One random program."""

    backend = "asyncio"

    def __init__(self) -> None:
        super().__init__()
        self._portal = start_blocking_portal(self.backend)
        self.portal = self._portal.__enter__()
        self._world = self.portal.wrap_async_context_manager(World.open())
        self.world = self._world.__enter__()

    def _do(self, step: Callable[..., object], *args: Any) -> None:  # noqa: ANN401 - those of the step
        async def run() -> None:
            step(*args)
            await World.settle()

        self.portal.call(run)

    def _known(self, number: int) -> list[str]:
        """One of the created servers, if there is any.

        This is not a precondition, since the choices of Hypothesis must not depend on earlier results.
        """
        known = sorted(self.world.returned)
        return [known[number % len(known)]] if known else []

    @rule(lease=st.booleans())
    def create(self, lease: bool) -> None:
        self._do(lambda: self.world.create(lease=lease))

    @rule()
    def enter_a_block(self) -> None:
        self._do(self.world.block)

    @rule(number=st.integers(0, 9))
    def leave_a_block(self, number: int) -> None:
        blocks = [doing for doing in self.world.doing if doing.what == "block"]
        if blocks:
            self._do(blocks[number % len(blocks)].leave.set)

    @rule(number=st.integers(0, 9))
    def cancel_something(self, number: int) -> None:
        if self.world.doing:
            self._do(self.world.doing[number % len(self.world.doing)].scope.cancel)

    @rule(number=st.integers(0, 9), storages=st.sampled_from(["created", "created", "all", "none"]))
    def destroy(self, number: int, storages: str) -> None:
        for uuid in self._known(number):
            self._do(self.world.destroy, uuid, storages)

    @rule(number=st.integers(0, 9), keep=st.booleans())
    def change_a_lease(self, number: int, keep: bool) -> None:
        for uuid in self._known(number):
            self._do(self.world.keep if keep else self.world.take, uuid)

    @rule(exclusive=st.booleans())
    def reap(self, exclusive: bool) -> None:
        self._do(lambda: self.world.reap(exclusive=exclusive))

    @rule(
        pattern=st.sampled_from(PATTERNS),
        fault=st.sampled_from(sorted(FAULTS)),
        times=st.integers(1, 4),
        skip=st.integers(0, 3),
    )
    def trouble(self, pattern: str, fault: str, times: int, skip: int) -> None:
        self._do(lambda: self.world.sim.fail(pattern, times=times, skip=skip, **FAULTS[fault]))

    @rule(seconds=st.sampled_from([0, 10, 30]))
    def lists_lag(self, seconds: float) -> None:
        self._do(self.world.sim.hide_from_lists, seconds)

    @rule(seconds=st.sampled_from([0.5, 3, 20, 60, 400, 4000]))
    def time_passes(self, seconds: float) -> None:
        self.portal.call(self.world.later, seconds)

    @rule()
    def the_process_is_killed(self) -> None:
        self.portal.call(self.world.kill)

    @invariant()
    def the_promises_hold(self) -> None:
        self._do(self.world.check)

    def teardown(self) -> None:
        try:
            self.portal.call(self.world.end)
        finally:
            self._world.__exit__(None, None, None)
            self._portal.__exit__(None, None, None)


class ProgramsOnTrio(Programs):
    """The same on trio."""

    backend = "trio"


@pytest.fixture(autouse=True)
def _run_of_this_process() -> Generator[None]:
    own = RUN.id
    yield
    RUN.id = own


both_backends = pytest.mark.parametrize("machine", [Programs, ProgramsOnTrio], ids=["asyncio", "trio"])


def run(machine: type[Programs], examples: int, steps: int, *, always_the_same: bool) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=always_the_same,
            database=None,
            print_blob=True,
        ),
    )


@both_backends
def test_random_programs_keep_the_promises(machine: type[Programs]) -> None:
    run(machine, 5, 25, always_the_same=True)


@pytest.mark.full
@both_backends
def test_many_random_programs_keep_the_promises(machine: type[Programs]) -> None:
    run(machine, 200, 40, always_the_same=False)
