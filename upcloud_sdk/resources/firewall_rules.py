"""Firewall rules of servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk._transport import path_segment
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

    Rules apply only while the server's `firewall` is on. A change may take a minute or two.
    """

    @endpoint("GET", "/server/{server}/firewall_rule/{position}")
    async def get(self, server: Uuid, position: int) -> FirewallRule:
        """The rule at a position.

        Args:
            server: Uuid of the server, or the server itself.
            position: Position of the rule, from 1.
        """
        return await self._transport.call("GET", f"{_path(server)}/{position:d}", _RULE)

    @endpoint("POST", "/server/{server}/firewall_rule")
    async def create(self, server: Uuid, rule: FirewallRuleSpec) -> FirewallRule:
        """Create a rule, at its position or at the end. Later rules move down.

        Args:
            server: Uuid of the server, or the server itself.
            rule: The rule to create.
        """
        return await self._transport.call("POST", _path(server), _RULE, json={"firewall_rule": body_of(rule)})

    @endpoint("PUT", "/server/{server}/firewall_rule")
    async def replace(self, server: Uuid, rules: Sequence[FirewallRuleSpec]) -> None:
        """Replace all rules.

        Args:
            server: Uuid of the server, or the server itself.
            rules: All rules, in their order. An empty list deletes all rules.

        Raises:
            ValueError: There are more than 1000.
        """
        if len(rules) > MOST_RULES:
            raise ValueError(f"{len(rules)} rules: a server can have at most {MOST_RULES}")
        document = {"firewall_rules": {"firewall_rule": [body_of(rule) for rule in rules]}}
        await self._transport.send("PUT", _path(server), json=document)

    @endpoint("DELETE", "/server/{server}/firewall_rule/{position}")
    async def delete(self, server: Uuid, position: int) -> None:
        """Delete the rule at a position. Later rules move up.

        It is not repeated if the outcome is unknown, since another rule would be at the position.

        Args:
            server: Uuid of the server, or the server itself.
            position: Position of the rule, from 1.
        """
        await self._transport.send("DELETE", f"{_path(server)}/{position:d}", idempotent=False)

    @endpoint("GET", "/server/{server}/firewall_rule")
    async def list(self, server: Uuid) -> tuple[FirewallRule, ...]:
        """The rules of a server, in order."""
        return await self._list(_path(server), _RULES)


def _path(server: Uuid) -> str:
    return f"/server/{path_segment(server, 'uuid of the server')}/firewall_rule"
