"""`close` waits for the client's work, and names unfinished work."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import anyio
import pytest

from tests.sdk.background import Work, background
from tests.sdk.interrupting import WAYS, settle
from upcloud_sdk._background import Background, name_unfinished
from upcloud_sdk._tasks import LoopClock
from upcloud_sdk.errors import CleanupFailed

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from tests.sdk.interrupting import Way

each_way = pytest.mark.parametrize(("anyio_backend", "interrupted"), WAYS)


@pytest.fixture(autouse=True)
def _logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="upcloud_sdk")


async def test_close_waits_for_work_and_for_the_work_that_it_starts() -> None:
    first, second = Work(), Work()
    tasks = Background()

    async def beget(_: object) -> None:
        await first(None)
        tasks.start_owned(second, "second")

    async with anyio.create_task_group() as group:
        tasks.open()
        tasks.start_owned(beget, "first")

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


async def test_close_gives_up_after_its_timeout_and_names_what_may_be_left() -> None:
    hung, done = Work(), Work()
    tasks = Background()
    tasks.open()
    tasks.start_owned(hung, "destroy of server 00a1", uuid="00a1")
    tasks.start_owned(done, "destroy of server 00a2", uuid="00a2")
    done.may_end.set()
    await settle()
    failures, interruption = await tasks.close(0.01)
    assert interruption is None
    assert [(each.uuid, str(each)) for each in failures] == [
        ("00a1", "destroy of server 00a1: given up because the client was closed")
    ]
    assert not hung.ended


async def test_each_create_that_close_gives_up_is_named_even_without_a_uuid() -> None:
    tasks = Background()
    tasks.open()
    for number in range(2):
        tasks.start_owned(Work(), f"create of server {number}")
    await settle()
    failures, _ = await tasks.close(0.01)
    assert sorted(map(str, failures)) == [
        f"create of server {number}: given up because the client was closed" for number in range(2)
    ]


async def test_work_that_is_unfinished_when_the_process_ends_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    hung = Work()
    async with background() as tasks:
        tasks.start_owned(hung, "destroy of server 00a1", uuid="00a1")
        await settle()
        name_unfinished()
        assert "destroy of server 00a1 was interrupted" in caplog.text
        hung.may_end.set()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_work_that_is_unfinished_when_close_was_interrupted_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Ctrl-C in the task of `close`. trio never raises it there."""

    class Interrupted(LoopClock):
        def limit(self, seconds: float) -> AbstractContextManager[object, bool]:
            raise RuntimeError("here")

    hung = Work()

    async def stubborn(_: object) -> None:
        with anyio.CancelScope(shield=True):
            await hung(None)

    tasks = Background(Interrupted())
    tasks.open()
    tasks.start_owned(stubborn, "destroy of server 00a1", uuid="00a1")
    await settle()
    await tasks.close(60)
    assert "destroy of server 00a1 was interrupted" in caplog.text
    hung.may_end.set()
    await settle()


async def test_a_caller_that_waits_for_abandoned_work_gets_an_error() -> None:
    hung = Work()
    tasks = Background()
    told: list[str] = []

    async def wait() -> None:
        with pytest.raises(CleanupFailed) as caught:
            await tasks.run_owned(hung, "destroy of server 00a1", uuid="00a1")
        told.append(caught.value.uuid)

    async with anyio.create_task_group() as group:
        tasks.open()
        group.start_soon(wait)
        await hung.begun.wait()
        await tasks.close(0.01)
    assert told == ["00a1"]


async def test_close_waits_only_for_the_end_of_work_that_resists_cancellation(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Work whose own cleanup takes time."""
    cleaned: list[bool] = []

    async def work(_: object) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await settle()
            cleaned.append(True)

    tasks = Background()
    tasks.open()
    tasks.start_owned(work, "work")
    await settle()
    failures, _ = await tasks.close(0.01)
    assert cleaned == [True]
    assert len(failures) == 1


@each_way
async def test_an_interrupted_close_continues_to_its_timeout_and_returns_the_interruption(interrupted: Way) -> None:
    work = Work()
    results: list[tuple[list[CleanupFailed], BaseException | None]] = []

    async def live() -> None:
        tasks = Background()
        tasks.open()
        tasks.start_owned(work, "work")
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
