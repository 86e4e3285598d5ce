"""A start is read file by file, down to the create, as the page about the architecture says."""

from __future__ import annotations

import re
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from tests.benchmarks.way import Recorder
from tests.buildbot._types import SUCCESS
from tests.buildbot.harness import MasterCase
from tests.docs.blocks import ROOT

if TYPE_CHECKING:
    from tests.benchmarks.way import Way

PICTURE = re.compile(r'```text title="From start_instance to servers.create"\n(.*?)```', re.DOTALL)


def promised() -> list[tuple[str, str]]:
    """The files and functions of the page, in their order."""
    found = PICTURE.search((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"))
    assert found is not None
    lines = [line.split() for line in found[1].splitlines() if line.strip()]
    return [(file, name.rstrip(",")) for file, *names in lines for name in names]


class Starts(MasterCase):
    found: ClassVar[list[Way]] = []

    async def test_a_start_is_read_down_to_the_create_in_six_files(self) -> None:
        self.serve()
        worker = self.worker()
        recorder, start = Recorder(until="Servers.create"), worker.start_instance

        def start_and_note(build: Any) -> Any:  # noqa: ANN401 - Buildbot's
            worker._service.bridge.call(recorder.start_here)  # pyright: ignore[reportPrivateUsage]  # the other thread
            recorder.start()
            return start(build)

        await self.start_master(worker)
        # The first build also imports and reads what all of them use.
        assert (await self.build()).results == [SUCCESS]
        self.patch(worker, "start_instance", start_and_note)
        assert (await self.build()).results == [SUCCESS]
        worker._service.bridge.call(partial(sys.setprofile, None))  # pyright: ignore[reportPrivateUsage]  # the same
        way = recorder.stop()
        self.found.append(way)
        entered = [(file, name.rpartition(".")[2]) for file, name in way.functions]
        steps = promised()
        # In this order, and from no file back to an earlier one.
        assert [step for step in entered if step in steps] == steps
        files = [file for file, _ in steps]
        assert files == [file for file in dict.fromkeys(files) for _ in range(files.count(file))]
        assert len(set(files)) <= 6
        assert entered[-1][1] == "create"
