"""Figures of servers over time. Chapter "Servers" of the API."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from upcloud_sdk._wire import EmptyIsNone, Inside, Resource

Figure = Annotated[Decimal | str | None, Field(union_mode="left_to_right"), EmptyIsNone]
"""A number, or, where something else stands, its text."""


class StatisticsSeries(Resource):
    """One thing that was measured over a period."""

    title: str = ""
    """`CPU usage %`, `Read`, `Write`, `In`, `Out`."""
    average: Figure = None
    current: Figure = None
    maximum: Figure = None
    total: Figure = None


class StatisticsPeriod(Resource):
    """What was measured over one period."""

    summary: Annotated[tuple[StatisticsSeries, ...], Inside("variable")] = ()


class ServerStatistics(Resource):
    """What was measured of a server, by period; None for a period that was not asked for."""

    daily: StatisticsPeriod | None = None
    weekly: StatisticsPeriod | None = None
    monthly: StatisticsPeriod | None = None
    yearly: StatisticsPeriod | None = None
