"""Faults: calls that fail, are delayed, or lose their answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.wire.calls import Answer, ApiFault

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping

_PROXY_PAGE = "<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"


def call_pattern(pattern: str) -> re.Pattern[str]:
    """Compile a pattern into a regular expression for `METHOD /path`.

    `*` matches anything, `{name}` one part of a path. A pattern without a method matches all methods.

    Raises:
        ValueError: It is not a valid pattern.
    """
    method, _, path = pattern.strip().rpartition(" ")
    if path != "*" and not path.startswith("/"):
        raise ValueError(
            f'a pattern is a method and a path, such as "POST /server" or "GET /server/*", not "{pattern}"'
        )
    escaped = re.sub(r"\\\{[^/{}]+\\\}", "[^/]+", re.escape(path)).replace(r"\*", ".*")
    method = ".*" if method in {"", "*"} else re.escape(method.upper())
    return re.compile(f"{method} {escaped}/?")


@dataclass(slots=True)
class Fault:
    """One fault. See `Simulator.fail`."""

    pattern: str
    status: int | None = None
    code: str | None = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    after_effect: bool = False
    times: int | None = 1
    drop: bool = False
    delay: float | None = None
    timeout: bool = False
    truncate: int | None = None
    skip: int = 0
    rate: float | None = None
    hide_from_lists: float | None = None
    fired: int = field(default=0, init=False)
    """Number of calls that used it."""

    def __post_init__(self) -> None:
        """Check the fault. Raises ValueError."""
        call_pattern(self.pattern)
        harms = (self.status, self.code, self.body, self.delay, self.truncate, self.hide_from_lists)
        if all(harm is None for harm in harms) and not self.drop and not self.timeout:
            raise ValueError("give at least one of status, code, body, drop, delay, timeout or truncate")
        if self.code is not None and self.status is None:
            raise ValueError("an error code needs a status")
        if self.rate is not None and not 0 <= self.rate <= 1:
            raise ValueError(f"rate is a number from 0 to 1, not {self.rate}")

    def refusal(self, code: str) -> ApiFault:
        """The API's refusal with a code."""
        return ApiFault(self.status or 400, code, f"The simulator was told to refuse with {code}.")

    def answer(self) -> Answer:
        """The answer of a fault without a code, instead of the API's."""
        status = self.status or 200
        headers = dict(self.headers)
        if self.body is not None:
            return Answer(status, content_type=headers.pop("content-type", "text/html"), headers=headers, raw=self.body)
        return Answer(status, content_type="text/html", headers=headers, raw=_PROXY_PAGE.format(status=status).encode())


class Faults:
    """The list of faults. Each call takes the first one that matches."""

    def __init__(self, randomness: random.Random) -> None:
        self._random = randomness
        self._lines: list[tuple[re.Pattern[str], Fault]] = []

    def add(self, fault: Fault) -> None:
        self._lines.append((call_pattern(fault.pattern), fault))

    def clear(self) -> None:
        self._lines.clear()

    def __iter__(self) -> Iterator[Fault]:
        return (fault for _, fault in self._lines)

    def take(self, method: str, path: str) -> Fault | None:
        """The fault for a call. Counts its use."""
        if not self._lines:
            return None
        line = f"{method} {path}"
        for pattern, fault in self._lines:
            if fault.times == 0 or not pattern.fullmatch(line):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if fault.rate is not None and self._random.random() >= fault.rate:
                continue
            if fault.times is not None:
                fault.times -= 1
            fault.fired += 1
            return fault
        return None
