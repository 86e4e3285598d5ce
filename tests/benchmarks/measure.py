"""Measuring: contenders take turns, and the result is the median of their ratios over the rounds."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Async = Callable[[int], Awaitable[object]]
"""Does something this many times."""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    value: float
    target: float | None = None
    """The maximum that is the target. None: no target."""
    unit: str = "x"
    note: str = ""

    @property
    def verdict(self) -> str:
        """Whether the target is reached."""
        if self.target is None:
            return "-"
        return "reached" if self.value <= self.target else "MISSED"


@dataclass
class Section:
    """A part of the table."""

    title: str
    rows: list[Row] = field(default_factory=list[Row])

    def add(self, what: str, value: float, target: float | None = None, unit: str = "x", note: str = "") -> None:
        """Add a line."""
        self.rows.append(Row(what, value, target, unit, note))


@dataclass
class Times:
    """Seconds per repetition, for each contender and round."""

    cpu: dict[str, list[float]]
    """CPU time of this process, without servers in other processes and without waiting for them."""
    wall: dict[str, list[float]]

    def ratio(self, one: str, other: str, kind: Literal["cpu", "wall"] = "cpu") -> float:
        """The median over the rounds of the ratio of `one` to `other`."""
        times: dict[str, list[float]] = getattr(self, kind)
        return statistics.median(a / b for a, b in zip(times[one], times[other], strict=True))

    def median(self, name: str, kind: Literal["cpu", "wall"] = "cpu") -> float:
        """The median of the seconds per repetition."""
        times: dict[str, list[float]] = getattr(self, kind)
        return statistics.median(times[name])

    @classmethod
    def of(cls, names: Mapping[str, object]) -> Times:
        """Empty times for these contenders."""
        return cls({name: [] for name in names}, {name: [] for name in names})

    def took(self, name: str, number: int, cpu: float, wall: float) -> None:
        """Add one round of one contender."""
        self.cpu[name].append(cpu / number)
        self.wall[name].append(wall / number)


def alternate(contenders: Mapping[str, Callable[[], object]], *, rounds: int, number: int) -> Times:
    """Run each contender `number` times in each round, after one round that does not count."""
    times = Times.of(contenders)
    for turn in range(rounds + 1):
        for name, call in contenders.items():
            gc.collect()
            cpu, wall = time.process_time(), time.perf_counter()
            for _ in range(number):
                call()
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            if turn:
                times.took(name, number, cpu, wall)
    return times


async def alternate_async(contenders: Mapping[str, Async], *, rounds: int, number: int) -> Times:
    """The same for contenders on an event loop."""
    times = Times.of(contenders)
    for turn in range(rounds + 1):
        for name, call in contenders.items():
            gc.collect()
            cpu, wall = time.process_time(), time.perf_counter()
            await call(number)
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            if turn:
                times.took(name, number, cpu, wall)
    return times


def slope(points: Mapping[float, float]) -> tuple[float, float]:
    """Fit a straight line through points. Returns the cost of each additional item, and the fixed cost."""
    line = statistics.linear_regression(list(points), list(points.values()))
    return line.slope, line.intercept
