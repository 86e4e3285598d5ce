"""Builds that fail in the master before their first step."""

from __future__ import annotations

from typing import Any

from twisted.internet import defer

from tests.buildbot._types import EXCEPTION, RETRY, SUCCESS, Interpolate, renderer
from tests.buildbot.harness import MasterCase, pause
from upcloud_sdk.buildbot._buildbot import build_ends

UPDATES = (
    "addStep",
    "startStep",
    "setBuildProperties",
    "setBuildStateString",
    "generateNewBuildEvent",
    "setStepStateString",
    "finishStep",
)
"""The database writes of Buildbot before the first step of a build."""


class Refused(Exception):
    """An error of the database."""


class FailedStarts(MasterCase):
    """Buildbot itself would wait forever and block the worker."""

    def fail_once(self, thing: object, name: str, about: str = "") -> None:
        """Let the next call of a method fail, or the next one with this argument."""
        call = getattr(thing, name)

        def fail(*args: Any, **values: Any) -> defer.Deferred[Any]:  # noqa: ANN401 - Buildbot's
            if about not in str(args):
                return call(*args, **values)  # type: ignore[no-any-return]  # Buildbot's
            setattr(thing, name, call)
            return defer.fail(Refused())

        self.patch(thing, name, fail)

    async def fails_once(self, *expected: int | None) -> None:
        assert (await self.build()).results == [*expected]
        assert (await self.build()).results == [SUCCESS]
        assert len(self.flushLoggedErrors(Refused)) == 1

    async def test_a_build_is_tried_again_if_one_of_its_first_writes_fails(self) -> None:
        self.serve()
        await self.start_master(self.worker())
        for name in UPDATES:
            self.fail_once(self.master.data.updates, name)
            await self.fails_once(RETRY, SUCCESS)

    async def test_a_build_is_tried_again_if_it_cannot_be_recorded(self) -> None:
        self.serve()
        await self.start_master(self.worker())
        self.fail_once(self.master.data.updates, "addBuild")
        await self.fails_once(SUCCESS)

    async def test_a_build_is_tried_again_if_nothing_would_hear_that_it_is_cancelled(self) -> None:
        self.serve()
        await self.start_master(self.worker())
        self.fail_once(self.master.mq, "startConsuming", "'control', 'builds'")
        await self.fails_once(RETRY, SUCCESS)

    async def test_a_worker_is_free_after_a_build_whose_end_cannot_be_recorded(self) -> None:
        self.serve()
        await self.start_master(self.worker())
        self.fail_once(self.master.data.updates, "finishBuild")
        await self.fails_once(None)

    async def test_the_end_of_a_build_that_cannot_be_recorded_at_first_is_recorded_later(self) -> None:
        """Buildbot itself would show the build as running until a restart of the master."""
        self.serve()
        await self.start_master(self.worker())
        self.patch(build_ends, "_RECORD_AGAIN_AFTER", (0.01, 0.02))
        for _ in range(12):
            self.fail_once(self.master.data.updates, "finishBuild")
        await self.build()
        while (await self.master.data.get(("builds", 1)))["results"] is None:
            await pause()
        build = await self.master.data.get(("builds", 1))
        assert (build["results"], build["complete"]) == (SUCCESS, True)
        assert len(self.flushLoggedErrors(Refused)) == 1

    async def test_a_master_stops_while_the_end_of_a_build_cannot_be_recorded(self) -> None:
        self.serve()
        await self.start_master(self.worker())
        self.patch(build_ends, "_RECORD_AGAIN_AFTER", (3600.0, 3600.0))
        self.fail_once(self.master.data.updates, "finishBuild")
        await self.build()
        await self.tested_master.shutdown()
        assert len(self.flushLoggedErrors(Refused)) == 1

    async def test_a_build_is_tried_again_if_the_code_fails_that_decides_whether_to_build(self) -> None:
        self.serve()
        await self.start_master(self.worker())
        config = self.master.botmaster.builders["any"].config
        decide = config.do_build_if

        def fail(_: object) -> bool:
            config.do_build_if = decide
            raise Refused

        config.do_build_if = fail
        await self.fails_once(SUCCESS)


class Values(MasterCase):
    """Values that each build decides."""

    async def test_text_that_is_a_number_is_one_and_a_value_of_a_wrong_type_ends_the_build(self) -> None:
        self.serve()
        plan = renderer(lambda properties: properties.getProperty("plan"))
        hostconfig = {"os_disk_size": Interpolate("%(prop:disk)s"), "plan": plan}
        await self.start_master(self.worker(hostconfig=hostconfig))
        assert (await self.build(disk="20", plan="1xCPU-1GB")).results == [SUCCESS]
        outcome = await self.build(disk="20", plan=3)
        assert outcome.results == [EXCEPTION]
        assert "hostconfig['plan'] is text, not int" in outcome.logs
