"""Finds and changes firewall rulesets."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from upcloud_sdk.simulator.records.firewalls import Ruleset
    from upcloud_sdk.simulator.state.cloud import Cloud


def find_ruleset(cloud: Cloud, uuid: str) -> Ruleset:
    """Raises `ApiFault`: FIREWALL_RULESET_INVALID, FIREWALL_RULESET_NOT_FOUND."""
    return cloud.find(cloud.rulesets, uuid, "firewall_ruleset")


def new_version(cloud: Cloud, ruleset: Ruleset) -> None:
    """Store the current rules as a version, before they change."""
    ruleset.versions.append(copy.deepcopy(ruleset.rules))
    ruleset.version += 1
    ruleset.updated = cloud.clock.now()


def flag(value: object) -> bool:
    """A JSON boolean, as in the newer services."""
    if not isinstance(value, bool):
        raise ValueError("true or false was expected.")  # noqa: TRY004 - a check raises ValueError
    return value
