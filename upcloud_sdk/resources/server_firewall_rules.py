"""Firewall rules of servers, through the ruleset service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from upcloud_sdk._transport import path_segment
from upcloud_sdk._wire import Envelope, Items, one
from upcloud_sdk.models.firewall import FirewallRule, FirewallRuleSpec
from upcloud_sdk.resources._base import Namespace, body_of, endpoint
from upcloud_sdk.resources.firewall_rules import MOST_RULES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upcloud_sdk._wire import Uuid

_RULE = one(FirewallRule, "firewall_rule")

# The list may be null. The cast is there because type checkers do not accept an annotated type as a type.
_RULES: Envelope[tuple[FirewallRule, ...]] = Envelope(
    cast("Any", Items[FirewallRule]), "firewall_rules", "firewall_rule"
)


class ServerFirewallRules(Namespace):
    """`cloud.server_firewall_rules`. Chapter "Firewall", <https://developers.upcloud.com/1.3/11-firewall/>.

    The same rules as in `cloud.firewall_rules`, through UpCloud's newer ruleset service.
    """

    @endpoint("GET", "/firewall-ruleset/server/{server}/firewall-rule/{position}")
    async def get(self, server: Uuid, position: int) -> FirewallRule:
        """The rule at a position.

        Args:
            server: Uuid of the server, or the server itself.
            position: Position of the rule, from 1.
        """
        return await self._transport.call("GET", f"{_path(server)}/{position:d}", _RULE)

    @endpoint("POST", "/firewall-ruleset/server/{server}/firewall-rule")
    async def create(self, server: Uuid, rule: FirewallRuleSpec) -> FirewallRule:
        """Create a rule, at its position or at the end. Later rules move down.

        Args:
            server: Uuid of the server, or the server itself.
            rule: The rule to create.
        """
        return await self._transport.call("POST", _path(server), _RULE, json={"firewall_rule": body_of(rule)})

    @endpoint("PUT", "/firewall-ruleset/server/{server}/firewall-rule")
    async def replace(self, server: Uuid, rules: Sequence[FirewallRuleSpec]) -> tuple[FirewallRule, ...]:
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
        return await self._transport.call("PUT", _path(server), _RULES, json=document)

    @endpoint("DELETE", "/firewall-ruleset/server/{server}/firewall-rule/{position}")
    async def delete(self, server: Uuid, position: int) -> None:
        """Delete the rule at a position. Later rules move up.

        It is not repeated if the outcome is unknown, since another rule would be at the position.

        Args:
            server: Uuid of the server, or the server itself.
            position: Position of the rule, from 1.
        """
        await self._transport.send("DELETE", f"{_path(server)}/{position:d}", idempotent=False)

    @endpoint("GET", "/firewall-ruleset/server/{server}/firewall-rule")
    async def list(self, server: Uuid) -> tuple[FirewallRule, ...]:
        """The rules of a server, in order."""
        rules = await self._list(_path(server), _RULES)
        return tuple(sorted(rules, key=lambda rule: rule.position or 0))


def _path(server: Uuid) -> str:
    return f"/firewall-ruleset/server/{path_segment(server, 'uuid of the server')}/firewall-rule"
