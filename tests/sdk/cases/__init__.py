"""The request of each method of the client, and its reading of the answer: at least one case per endpoint."""

from __future__ import annotations

from tests.sdk.cases import (
    account,
    addresses,
    catalogue,
    details,
    firewall,
    networks,
    rulesets,
    servers,
    storages,
    usage,
)
from tests.sdk.cases.case import Case

__all__ = ["ALL", "Case"]

CHAPTERS = (account, addresses, catalogue, details, firewall, networks, rulesets, servers, storages, usage)

ALL: list[Case] = [case for chapter in CHAPTERS for case in chapter.CASES]
