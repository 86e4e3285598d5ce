"""Changes of servers, for tests of the record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from upcloud_sdk.ci.record.changes import BuildChange, Phase, ServerChange
from upcloud_sdk.ci.record.claims import Claim, Limits

NOON = datetime.now(UTC).replace(day=10, hour=12, minute=0, second=0, microsecond=0)
"""Of a day in this month: what is spent is read for this month."""
CENT = 10_000
"""In millionths."""


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def change(key: str, minutes: float, phase: Phase | None = None, **facts: Any) -> ServerChange:  # noqa: ANN401 - of all kinds
    return ServerChange(id=key, at=at(minutes), phase=phase, **facts)


def asked(key: str, minutes: float = 0, **facts: Any) -> ServerChange:  # noqa: ANN401 - of all kinds
    values = {"master": "m", "owner": "o", "worker": "w", "zone": "fi-hel1", "plan": "small", "currency": "EUR"}
    return change(key, minutes, Phase.ASKED, **{**values, "hourly": 10 * CENT, **facts})


def claim(key: str, minutes: float = 0, *, limits: Limits | None = None, **facts: Any) -> Claim:  # noqa: ANN401 - of all kinds
    return Claim(server=asked(key, minutes, **facts), limits=limits or Limits())


def build(server: str, number: int, began: float, ended: float | None = None, **facts: Any) -> BuildChange:  # noqa: ANN401 - of all kinds
    return BuildChange(
        server=server,
        build=str(number),
        builder="all",
        number=number,
        at=at(began if ended is None else ended),
        began=at(began),
        ended=None if ended is None else at(ended),
        **facts,
    )


def life(key: str, begin: float = 0, end: float = 90, **facts: Any) -> list[ServerChange | BuildChange]:  # noqa: ANN401 - of all kinds
    """A server that is started after 1 minute, attached after 2, and runs one build until a minute before its end."""
    return [
        asked(key, begin, **facts),
        change(key, begin, Phase.MADE, uuid=f"uuid-{key}", created=at(begin)),
        build(key, 1, begin),
        change(key, begin + 1, Phase.STARTED),
        change(key, begin + 2, Phase.ATTACHED),
        change(key, begin + 2, Phase.BUILDING),
        build(key, 1, begin, end - 1, result="success"),
        change(key, end - 1, Phase.STOPPING),
        change(key, end, Phase.GONE),
    ]
