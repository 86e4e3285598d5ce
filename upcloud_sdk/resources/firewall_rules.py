"""Firewall rules of servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk._transport import segment
from upcloud_sdk._wire import many, one
from upcloud_sdk.models.firewall import FirewallRule, FirewallRuleSpec
from upcloud_sdk.resources._base import Namespace, body_of, endpoint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upcloud_sdk._wire import Uuid

_RULE = one(FirewallRule, "firewall_rule")
_RULES = many(FirewallRule, "firewall_rules", "firewall_rule")

MOST_RULES = 1000


class FirewallRules(Namespace):
    """`cloud.firewall_rules`. Chapter "Firewall" of the API, <https://developers.upcloud.com/1.3/11-firewall/>.

    `server` is a server's uuid. Rules act only while its `firewall` is on, and a change may take a minute
    or two.
    """

    @endpoint("GET", "/server/{server}/firewall_rule/{position}")
    async def get(self, server: Uuid, position: int) -> FirewallRule:
        """The rule at a position, from 1."""
        return await self._transport.call("GET", f"{_path(server)}/{position:d}", _RULE)

    @endpoint("POST", "/server/{server}/firewall_rule")
    async def create(self, server: Uuid, rule: FirewallRuleSpec) -> FirewallRule:
        """A new rule, at its position or at the end; later rules move down."""
        return await self._transport.call("POST", _path(server), _RULE, json={"firewall_rule": body_of(rule)})

    @endpoint("PUT", "/server/{server}/firewall_rule")
    async def replace(self, server: Uuid, rules: Sequence[FirewallRuleSpec]) -> None:
        """Replace all rules by these, numbered in order; by none, where the sequence is empty.

        Raises:
            ValueError: there are more than 1000.
        """
        if len(rules) > MOST_RULES:
            raise ValueError(f"{len(rules)} rules: a server has {MOST_RULES} at most")
        document = {"firewall_rules": {"firewall_rule": [body_of(rule) for rule in rules]}}
        await self._transport.send("PUT", _path(server), json=document)

    @endpoint("DELETE", "/server/{server}/firewall_rule/{position}")
    async def delete(self, server: Uuid, position: int) -> None:
        """Delete the rule at a position; later rules move up.

        Not repeated where the outcome is unknown: another rule would be at the position.
        """
        await self._transport.send("DELETE", f"{_path(server)}/{position:d}", idempotent=False)

    @endpoint("GET", "/server/{server}/firewall_rule")
    async def list(self, server: Uuid) -> tuple[FirewallRule, ...]:
        """The rules of a server, in order."""
        return await self._list(_path(server), _RULES)


def _path(server: Uuid) -> str:
    return f"/server/{segment(server, 'uuid of the server')}/firewall_rule"
