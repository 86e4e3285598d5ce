"""Work that the client owns continues when its caller is cancelled."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest

from tests.sdk.background import Work, background
from tests.sdk.interrupting import WAYS, settle
from upcloud_sdk._background import Background
from upcloud_sdk.errors import CleanupFailed, NotOpen

if TYPE_CHECKING:
    from tests.sdk.interrupting import Way

each_way = pytest.mark.parametrize(("anyio_backend", "interrupted"), WAYS)


@pytest.fixture(autouse=True)
def _logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="upcloud_sdk")


async def test_a_caller_gets_the_value() -> None:
    work = Work()
    work.may_end.set()
    async with background() as tasks:
        assert await tasks.run_owned(work, "work") == "value"
        assert await tasks.run_owned(work, "work", outlast=True) == "value"


async def test_a_caller_gets_the_error_unchanged() -> None:
    error = RuntimeError("mine")
    work = Work(error)
    work.may_end.set()
    async with background() as tasks:
        for outlast in (False, True):
            with pytest.raises(RuntimeError) as caught:
                await tasks.run_owned(work, "work", outlast=outlast)
            assert caught.value is error


async def test_an_error_does_not_end_the_block_or_other_work() -> None:
    async with background() as tasks:
        other = Work()
        tasks.start_owned(other, "other")
        broken = Work(RuntimeError("mine"))
        broken.may_end.set()
        tasks.start_owned(broken, "broken")
        await settle()
        assert broken.ended
        other.may_end.set()
    assert other.ended


async def test_a_failure_of_work_that_nobody_waits_for_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    work = Work(RuntimeError("mine"))
    work.may_end.set()
    async with background() as tasks:
        tasks.start_owned(work, "the work")
    assert "the work failed after its caller was cancelled: mine" in caplog.text


async def test_a_service_runs_until_the_client_closes_and_its_error_ends_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ended: list[str] = []

    async def serve() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("service")

    async def fail() -> None:
        raise RuntimeError("mine")

    async with background() as tasks:
        tasks.run_service(serve, "service")
        tasks.run_service(fail, "the other service")
        await settle()
        assert ended == []
    assert ended == ["service"]
    assert "the other service ended" in caplog.text


async def test_work_is_refused_before_start_and_after_close() -> None:
    tasks = Background()
    with pytest.raises(NotOpen):
        await tasks.run_owned(Work(), "work")
    tasks.open()
    assert await tasks.close(60.0) == ([], None)
    with pytest.raises(NotOpen):
        tasks.start_owned(Work(), "work")
    assert await tasks.close(60.0) == ([], None)


# --- a caller that is interrupted -------------------------------------------------------------------------------------


@each_way
async def test_the_work_of_an_interrupted_caller_continues(interrupted: Way) -> None:
    work = Work()
    async with background() as tasks:
        await interrupted(lambda: tasks.run_owned(work, "work"), work.begun.wait)
        assert not work.ended
        work.may_end.set()
    assert work.ended


@each_way
async def test_on_cancel_gets_the_result_of_an_interrupted_callers_work(interrupted: Way) -> None:
    work = Work()
    given: list[str] = []

    def take(value: str) -> None:
        given.append(value)

    async with background() as tasks:
        await interrupted(lambda: tasks.run_owned(work, "work", on_cancel=take), work.begun.wait)
        work.may_end.set()
    assert given == ["value"]


@each_way
async def test_on_cancel_gets_the_result_of_work_that_ends_at_the_moment_of_the_interruption(interrupted: Way) -> None:
    work = Work()
    given: list[str] = []

    def take(value: str) -> None:
        given.append(value)

    async def moment() -> None:
        await work.begun.wait()
        work.may_end.set()

    async with background() as tasks:
        returned: list[str] = []

        async def call() -> None:
            returned.append(await tasks.run_owned(work, "work", on_cancel=take))
            await anyio.sleep_forever()

        await interrupted(call, moment)
    assert returned + given == ["value"]


@each_way
async def test_an_error_of_work_whose_caller_is_gone_is_logged(
    interrupted: Way, caplog: pytest.LogCaptureFixture
) -> None:
    work = Work(RuntimeError("mine"))

    def take(value: str) -> None:
        raise AssertionError("there is no value")

    async with background() as tasks:
        await interrupted(lambda: tasks.run_owned(work, "the work", on_cancel=take), work.begun.wait)
        work.may_end.set()
    assert "the work failed after its caller was cancelled: mine" in caplog.text


@each_way
async def test_a_cleanup_is_completed_before_its_caller_is_interrupted(interrupted: Way) -> None:
    work = Work()

    async def moment() -> None:
        await work.begun.wait()

    async with background() as tasks:

        async def clean_up() -> None:
            try:
                await tasks.run_owned(work, "work", outlast=True)
            finally:
                assert work.ended

        async with anyio.create_task_group() as group:

            async def end_later() -> None:
                await moment()
                for _ in range(5):
                    await settle()
                assert not work.ended
                work.may_end.set()

            group.start_soon(end_later)
            await interrupted(clean_up, moment)
    assert work.ended


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_failed_cleanup_is_a_note_on_the_interruption_of_its_caller() -> None:
    import asyncio  # noqa: PLC0415 - of this event loop alone

    work = Work(CleanupFailed("00a1", "may still cost money"))
    async with background() as tasks:
        task = asyncio.create_task(tasks.run_owned(work, "work", outlast=True))
        await work.begun.wait()
        task.cancel()
        await settle()
        work.may_end.set()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
    assert caught.value.__notes__ == ["may still cost money"]


async def test_on_cancel_gets_the_result_of_work_that_ended_before_its_caller_noticed() -> None:
    """The caller is cancelled and the work ends in the same step of the event loop. Only the caller sees both."""
    given: list[str] = []
    async with background() as tasks, anyio.create_task_group() as group:

        async def work(_: object) -> str:
            await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
            return "value"

        async def call() -> None:
            await tasks.run_owned(work, "work", on_cancel=given.append)

        group.start_soon(call)
    assert given == ["value"]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_repeatable_work_is_done_even_if_all_tasks_are_cancelled_before_its_first_step() -> None:
    import asyncio  # noqa: PLC0415 - of this event loop alone

    done: list[str] = []

    async def work(_: object) -> None:
        await anyio.lowlevel.checkpoint()
        done.append("work")

    async with background() as tasks:
        tasks.start_owned(work, "work", repeatable=True)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            if task.get_name() == "work":
                task.cancel()
    assert done == ["work"]
