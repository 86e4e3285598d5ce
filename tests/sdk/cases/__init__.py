"""What each method of the client sends, and what it makes of the answer: one case, or a few, for each endpoint."""

from __future__ import annotations

from tests.sdk.cases import account, catalogue, networks, servers, storages
from tests.sdk.cases.case import Case

__all__ = ["ALL", "Case"]

ALL: list[Case] = [*account.CASES, *catalogue.CASES, *networks.CASES, *servers.CASES, *storages.CASES]
