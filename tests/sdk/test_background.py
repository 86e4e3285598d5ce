"""Work that the client owns outlives those who wait for it."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest

from tests.sdk.interrupting import WAYS, settle
from upcloud_sdk._background import Background
from upcloud_sdk.errors import CleanupFailed, NotOpen

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.sdk.interrupting import Way

each_way = pytest.mark.parametrize(("anyio_backend", "interrupted"), WAYS)


class Work:
    """Work that goes on until it is told to end."""

    def __init__(self, error: Exception | None = None) -> None:
        self.begun, self.may_end = anyio.Event(), anyio.Event()
        self.ended = False
        self.error = error

    async def __call__(self) -> str:
        self.begun.set()
        await self.may_end.wait()
        self.ended = True
        if self.error is not None:
            raise self.error
        return "value"


@asynccontextmanager
async def background(timeout: float = 60.0) -> AsyncGenerator[Background]:
    """An open background, closed at the end of the block."""
    tasks = Background()
    await tasks.open()
    try:
        yield tasks
    finally:
        await tasks.close(timeout)


async def test_a_caller_gets_the_value() -> None:
    work = Work()
    work.may_end.set()
    async with background() as tasks:
        assert await tasks.run(work, "work") == "value"
        assert await tasks.run(work, "work", outlast=True) == "value"


async def test_a_caller_gets_the_error_as_it_is() -> None:
    error = RuntimeError("mine")
    work = Work(error)
    work.may_end.set()
    async with background() as tasks:
        for outlast in (False, True):
            with pytest.raises(RuntimeError) as caught:
                await tasks.run(work, "work", outlast=outlast)
            assert caught.value is error


async def test_an_error_ends_neither_the_block_nor_other_work() -> None:
    async with background() as tasks:
        other = Work()
        tasks.start(other, "other")
        broken = Work(RuntimeError("mine"))
        broken.may_end.set()
        tasks.start(broken, "broken")
        await settle()
        assert broken.ended
        other.may_end.set()
    assert other.ended


async def test_work_that_nobody_waits_for_says_in_the_log_that_it_failed(caplog: pytest.LogCaptureFixture) -> None:
    work = Work(RuntimeError("mine"))
    work.may_end.set()
    async with background() as tasks:
        tasks.start(work, "the work")
    assert "the work failed after its caller had gone: mine" in caplog.text


async def test_a_service_lasts_as_long_as_the_client_and_its_error_ends_nothing(
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
        tasks.start_service(serve, "service")
        tasks.start_service(fail, "the other service")
        await settle()
        assert ended == []
    assert ended == ["service"]
    assert "the other service ended" in caplog.text


async def test_before_and_after_its_life_it_takes_no_work() -> None:
    tasks = Background()
    with pytest.raises(NotOpen):
        await tasks.run(Work(), "work")
    await tasks.open()
    assert await tasks.close(60.0) == ([], None)
    with pytest.raises(NotOpen):
        tasks.start(Work(), "work")
    assert await tasks.close(60.0) == ([], None)


# --- a caller that is interrupted -------------------------------------------------------------------------------------


@each_way
async def test_the_work_of_an_interrupted_caller_goes_on(interrupted: Way) -> None:
    work = Work()
    async with background() as tasks:
        await interrupted(lambda: tasks.run(work, "work"), work.begun.wait)
        assert not work.ended
        work.may_end.set()
    assert work.ended


@each_way
async def test_what_the_work_of_an_interrupted_caller_made_is_given_to_another(interrupted: Way) -> None:
    work = Work()
    given: list[str] = []

    def take(value: str) -> None:
        given.append(value)

    async with background() as tasks:
        await interrupted(lambda: tasks.run(work, "work", on_cancel=take), work.begun.wait)
        work.may_end.set()
    assert given == ["value"]


@each_way
async def test_it_is_given_to_another_if_the_work_ends_in_the_moment_of_the_interruption(interrupted: Way) -> None:
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
            returned.append(await tasks.run(work, "work", on_cancel=take))
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
        await interrupted(lambda: tasks.run(work, "the work", on_cancel=take), work.begun.wait)
        work.may_end.set()
    assert "the work failed after its caller had gone: mine" in caplog.text


@each_way
async def test_a_clean_up_is_finished_before_its_caller_is_interrupted(interrupted: Way) -> None:
    work = Work()

    async def moment() -> None:
        await work.begun.wait()

    async with background() as tasks:

        async def clean_up() -> None:
            try:
                await tasks.run(work, "work", outlast=True)
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
async def test_a_failing_clean_up_is_a_note_on_the_interruption_of_its_caller() -> None:
    import asyncio  # noqa: PLC0415 - of this event loop alone

    work = Work(CleanupFailed("00a1", "may still cost money"))
    async with background() as tasks:
        task = asyncio.create_task(tasks.run(work, "work", outlast=True))
        await work.begun.wait()
        task.cancel()
        await settle()
        work.may_end.set()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
    assert caught.value.__notes__ == ["may still cost money"]


# --- close ------------------------------------------------------------------------------------------------------------


async def test_close_waits_for_work_and_for_what_it_begets() -> None:
    first, second = Work(), Work()
    tasks = Background()

    async def beget() -> None:
        await first()
        tasks.start(second, "second")

    async with anyio.create_task_group() as group:
        await tasks.open()
        tasks.start(beget, "first")

        async def end_later() -> None:
            await settle()
            first.may_end.set()
            await second.begun.wait()
            await settle()
            second.may_end.set()

        group.start_soon(end_later)
        assert await tasks.close(60.0) == ([], None)
    assert first.ended
    assert second.ended


async def test_close_gives_up_in_the_end_and_names_what_may_be_left() -> None:
    hung, done = Work(), Work()
    tasks = Background()
    await tasks.open()
    tasks.start(hung, "destroy of server 00a1", uuid="00a1")
    tasks.start(done, "destroy of server 00a2", uuid="00a2")
    done.may_end.set()
    await settle()
    failures, interruption = await tasks.close(0.01)
    assert interruption is None
    assert [(each.uuid, str(each)) for each in failures] == [
        ("00a1", "destroy of server 00a1: given up when the client was closed")
    ]
    assert not hung.ended


async def test_who_waits_for_what_was_given_up_is_told() -> None:
    hung = Work()
    tasks = Background()
    told: list[str] = []

    async def wait() -> None:
        with pytest.raises(CleanupFailed) as caught:
            await tasks.run(hung, "destroy of server 00a1", uuid="00a1")
        told.append(caught.value.uuid)

    async with anyio.create_task_group() as group:
        await tasks.open()
        group.start_soon(wait)
        await hung.begun.wait()
        await tasks.close(0.01)
    assert told == ["00a1"]


async def test_work_that_does_not_let_itself_be_cancelled_is_waited_for_no_longer_than_it_takes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its own clean-up runs."""
    cleaned: list[bool] = []

    async def work() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await settle()
            cleaned.append(True)

    tasks = Background()
    await tasks.open()
    tasks.start(work, "work")
    await settle()
    failures, _ = await tasks.close(0.01)
    assert cleaned == [True]
    assert len(failures) == 1


@each_way
async def test_an_interrupted_close_goes_on_to_its_bound_and_hands_the_interruption_on(interrupted: Way) -> None:
    work = Work()
    results: list[tuple[list[CleanupFailed], BaseException | None]] = []

    async def live() -> None:
        tasks = Background()
        await tasks.open()
        tasks.start(work, "work")
        closing.set()
        result = await tasks.close(60.0)
        results.append(result)
        if result[1] is not None:
            raise result[1]
        await anyio.sleep_forever()

    async def moment() -> None:
        await closing.wait()
        await work.begun.wait()

    closing = anyio.Event()
    async with anyio.create_task_group() as group:

        async def end_later() -> None:
            await moment()
            for _ in range(5):
                await settle()
            work.may_end.set()

        group.start_soon(end_later)
        await interrupted(live, moment)
    assert work.ended
    assert [failures for failures, _ in results] == [[]]


@pytest.fixture(autouse=True)
def _logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="upcloud_sdk")
