"""Statistics of servers. Chapter "Servers" of the API."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from upcloud_sdk._wire import EmptyIsNone, Inside, Resource

Figure = Annotated[Decimal | str | None, Field(union_mode="left_to_right"), EmptyIsNone]
"""A number. If the API sends anything else: its text."""


class StatisticsSeries(Resource):
    """One measured value over a period."""

    title: str | None = None
    """`CPU usage %`, `Read`, `Write`, `In`, `Out`."""
    average: Figure = None
    current: Figure = None
    maximum: Figure = None
    total: Figure = None


class StatisticsPeriod(Resource):
    """All measured values of one period."""

    summary: Annotated[tuple[StatisticsSeries, ...], Inside("variable")] = ()


class ServerStatistics(Resource):
    """Statistics of a server by period. None for periods that were not requested."""

    daily: StatisticsPeriod | None = None
    weekly: StatisticsPeriod | None = None
    monthly: StatisticsPeriod | None = None
    yearly: StatisticsPeriod | None = None
