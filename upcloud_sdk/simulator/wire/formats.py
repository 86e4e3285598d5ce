"""Common formats of values (chapter 1)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upcloud_sdk.simulator.wire.calls import Document


def iso(moment: float) -> str:
    """A time in whole seconds, as in storages."""
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def label_list(labels: Mapping[str, str]) -> list[Document]:
    """Labels as a plain list: for storages, networks, routers, peerings."""
    return [{"key": key, "value": value} for key, value in labels.items()]
