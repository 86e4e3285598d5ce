"""Firewall rulesets, their rules and labels, and the servers that they are attached to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk._transport import path_segment
from upcloud_sdk._wire import Envelope, uuid_of
from upcloud_sdk.models.fields import check_labels
from upcloud_sdk.models.rulesets import (
    FirewallRuleset,
    FirewallRulesetRule,
    RulesetAttachment,
    RulesetMember,
    RulesetRelationship,
    RulesetServer,
)
from upcloud_sdk.resources._base import Namespace, body_of, endpoint
from upcloud_sdk.resources._labels import LABEL, LABELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upcloud_sdk._wire import Uuid
    from upcloud_sdk.models.rulesets import (
        FirewallRulesetChanges,
        FirewallRulesetRuleChanges,
        FirewallRulesetRuleSpec,
        FirewallRulesetSpec,
    )

_RULESET = Envelope(FirewallRuleset)
_RULESETS: Envelope[tuple[FirewallRuleset, ...]] = Envelope(tuple[FirewallRuleset, ...])
_RULE = Envelope(FirewallRulesetRule)
_RULES: Envelope[tuple[FirewallRulesetRule, ...]] = Envelope(tuple[FirewallRulesetRule, ...], "rules")
_ATTACHMENT = Envelope(RulesetAttachment)
_OF_SERVER: Envelope[tuple[RulesetRelationship, ...]] = Envelope(
    tuple[RulesetRelationship, ...], "firewall_ruleset_relationships", "private"
)
_SERVERS: Envelope[tuple[RulesetServer, ...]] = Envelope(tuple[RulesetServer, ...], "servers")
_MEMBERS: Envelope[tuple[RulesetMember, ...]] = Envelope(tuple[RulesetMember, ...])

MOST_RULES = 1000


class FirewallRulesets(Namespace):
    """`cloud.firewall_rulesets`. Chapter "Firewall" of the API, <https://developers.upcloud.com/1.3/11-firewall/>.

    Rulesets have a name and versions, and apply to the private networks of servers.
    """

    @endpoint("GET", "/firewall-ruleset/{uuid}")
    async def get(self, uuid: Uuid) -> FirewallRuleset:
        """A ruleset, without its rules."""
        return await self._transport.call("GET", _path(uuid), _RULESET)

    @endpoint("POST", "/firewall-ruleset")
    async def create(self, spec: FirewallRulesetSpec) -> FirewallRuleset:
        """Create a ruleset, without rules.

        Raises:
            OutcomeUnknown: No answer came. Check `list()` before you try again.
        """
        return await self._transport.call("POST", "/firewall-ruleset", _RULESET, json=body_of(spec))

    @endpoint("PATCH", "/firewall-ruleset/{uuid}")
    async def modify(self, uuid: Uuid, changes: FirewallRulesetChanges) -> FirewallRuleset:
        """Change a ruleset.

        Args:
            uuid: Uuid of the ruleset, or the ruleset itself.
            changes: What to change. Fields that are not given stay as they are.
        """
        return await self._transport.call("PATCH", _path(uuid), _RULESET, json=body_of(changes))

    @endpoint("DELETE", "/firewall-ruleset/{uuid}")
    async def delete(self, uuid: Uuid) -> None:
        """Delete a ruleset."""
        await self._transport.send("DELETE", _path(uuid))

    @endpoint("PATCH", "/firewall-ruleset/{uuid}/restore/{version}")
    async def restore(self, uuid: Uuid, version: int) -> FirewallRuleset:
        """Restore an earlier version of a ruleset.

        Args:
            uuid: Uuid of the ruleset, or the ruleset itself.
            version: Number of the version.
        """
        return await self._transport.call("PATCH", f"{_path(uuid)}/restore/{version:d}", _RULESET)

    @endpoint("POST", "/server/{server}/attach_firewall_ruleset/private")
    async def attach(self, uuid: Uuid, server: Uuid) -> RulesetAttachment:
        """Apply a ruleset to the private networks of a server.

        Args:
            uuid: Uuid of the ruleset, or the ruleset itself.
            server: Uuid of the server, or the server itself.
        """
        return await self._relate(uuid, server, "attach")

    @endpoint("POST", "/server/{server}/detach_firewall_ruleset/private")
    async def detach(self, uuid: Uuid, server: Uuid) -> RulesetAttachment:
        """Remove a ruleset from a server.

        Args:
            uuid: Uuid of the ruleset, or the ruleset itself.
            server: Uuid of the server, or the server itself.
        """
        return await self._relate(uuid, server, "detach")

    async def _relate(self, uuid: Uuid, server: Uuid, verb: str) -> RulesetAttachment:
        path_segment(uuid, "uuid")
        path = f"/server/{path_segment(server, 'uuid of the server')}/{verb}_firewall_ruleset/private"
        document = {"firewall_ruleset": {"firewall_ruleset_uuid": uuid_of(uuid)}}
        return await self._transport.call("POST", path, _ATTACHMENT, json=document)

    @endpoint("GET", "/server/{server}/firewall_ruleset_relationships/private")
    async def of_server(self, server: Uuid) -> tuple[RulesetRelationship, ...]:
        """The rulesets of a server, and the version of each that applies."""
        path = f"/server/{path_segment(server, 'uuid of the server')}/firewall_ruleset_relationships/private"
        return await self._transport.call("GET", path, _OF_SERVER)

    @endpoint("GET", "/server/firewall_ruleset_relationships/private/{uuid}")
    async def servers(self, uuid: Uuid) -> tuple[RulesetServer, ...]:
        """The servers that a ruleset is attached to."""
        path = f"/server/firewall_ruleset_relationships/private/{path_segment(uuid, 'uuid')}"
        return await self._transport.call("GET", path, _SERVERS)

    @endpoint("GET", "/firewall-ruleset/{uuid}/servers")
    async def members(self, uuid: Uuid) -> tuple[RulesetMember, ...]:
        """The servers of a ruleset, in the format of the ruleset service.

        UpCloud's contract does not explain the fields of this answer. Prefer `servers`.
        """
        return await self._transport.call("GET", f"{_path(uuid)}/servers", _MEMBERS)

    @endpoint("GET", "/firewall-ruleset/{uuid}/labels")
    async def labels(self, uuid: Uuid) -> dict[str, str]:
        """The labels of a ruleset."""
        found = await self._transport.call("GET", f"{_path(uuid)}/labels", LABELS)
        return {label.key: label.value for label in found}

    @endpoint("GET", "/firewall-ruleset/{uuid}/labels/{key}")
    async def label(self, uuid: Uuid, key: str) -> str:
        """The value of a label of a ruleset.

        Args:
            uuid: Uuid of the ruleset, or the ruleset itself.
            key: Key of the label.
        """
        return (await self._transport.call("GET", _label_path(uuid, key), LABEL)).value

    @endpoint("POST", "/firewall-ruleset/{uuid}/labels")
    async def add_label(self, uuid: Uuid, key: str, value: str) -> None:
        """Add a label to a ruleset.

        Args:
            uuid: Uuid of the ruleset, or the ruleset itself.
            key: Key of the label.
            value: Value of the label.
        """
        check_labels({key: value})
        await self._transport.send("POST", f"{_path(uuid)}/labels", json={"key": key, "value": value})

    @endpoint("PATCH", "/firewall-ruleset/{uuid}/labels/{key}")
    async def modify_label(self, uuid: Uuid, key: str, value: str, *, new_key: str | None = None) -> None:
        """Change a label of a ruleset.

        Args:
            uuid: Uuid of the ruleset, or the ruleset itself.
            key: Key of the label.
            value: Value of the label.
            new_key: The new key. None: the key stays.
        """
        check_labels({new_key or key: value})
        document = {"value": value} | ({} if new_key is None else {"key": new_key})
        await self._transport.send("PATCH", _label_path(uuid, key), json=document)

    @endpoint("DELETE", "/firewall-ruleset/{uuid}/labels/{key}")
    async def remove_label(self, uuid: Uuid, key: str) -> None:
        """Remove a label from a ruleset.

        Args:
            uuid: Uuid of the ruleset, or the ruleset itself.
            key: Key of the label.
        """
        await self._transport.send("DELETE", _label_path(uuid, key))

    @endpoint("GET", "/firewall-ruleset")
    async def list(self, *, sort: str | None = None) -> tuple[FirewallRuleset, ...]:
        """List all rulesets.

        Args:
            sort: The field to sort by, such as `+name`. None: `-created_at`.
        """
        return await self._list("/firewall-ruleset", _RULESETS, [] if sort is None else [("sort", sort)])


class FirewallRulesetRules(Namespace):
    """`cloud.firewall_ruleset_rules`. Chapter "Firewall", <https://developers.upcloud.com/1.3/11-firewall/>.

    The rules of rulesets.
    """

    @endpoint("GET", "/firewall-ruleset/{ruleset}/rule/{uuid}")
    async def get(self, ruleset: str, uuid: str) -> FirewallRulesetRule:
        """A rule.

        Args:
            ruleset: Uuid of the ruleset.
            uuid: Uuid of the rule.
        """
        return await self._transport.call("GET", _rule_path(ruleset, uuid), _RULE)

    @endpoint("POST", "/firewall-ruleset/{ruleset}/rule")
    async def create(self, ruleset: str, rule: FirewallRulesetRuleSpec) -> FirewallRulesetRule:
        """Create a rule.

        Args:
            ruleset: Uuid of the ruleset.
            rule: The rule to create.
        """
        return await self._transport.call("POST", f"{_path(ruleset)}/rule", _RULE, json=body_of(rule))

    @endpoint("PUT", "/firewall-ruleset/{ruleset}/rule")
    async def replace(self, ruleset: str, rules: Sequence[FirewallRulesetRuleSpec]) -> tuple[FirewallRulesetRule, ...]:
        """Replace all rules.

        Args:
            ruleset: Uuid of the ruleset.
            rules: All rules, in their order. An empty list deletes all rules.

        Raises:
            ValueError: There are more than 1000.
        """
        if len(rules) > MOST_RULES:
            raise ValueError(f"{len(rules)} rules: a ruleset can have at most {MOST_RULES}")
        document = {"rules": [body_of(rule) for rule in rules]}
        return await self._transport.call("PUT", f"{_path(ruleset)}/rule", _RULES, json=document)

    @endpoint("PATCH", "/firewall-ruleset/{ruleset}/rule/{uuid}")
    async def modify(self, ruleset: str, uuid: str, changes: FirewallRulesetRuleChanges) -> FirewallRulesetRule:
        """Change a rule.

        Args:
            ruleset: Uuid of the ruleset.
            uuid: Uuid of the rule.
            changes: What to change. Fields that are not given stay as they are.
        """
        return await self._transport.call("PATCH", _rule_path(ruleset, uuid), _RULE, json=body_of(changes))

    @endpoint("DELETE", "/firewall-ruleset/{ruleset}/rule/{uuid}")
    async def delete(self, ruleset: str, uuid: str) -> None:
        """Delete a rule.

        Args:
            ruleset: Uuid of the ruleset.
            uuid: Uuid of the rule.
        """
        await self._transport.send("DELETE", _rule_path(ruleset, uuid))

    @endpoint("GET", "/firewall-ruleset/{ruleset}/rule")
    async def list(self, ruleset: str, *, sort: str | None = None) -> tuple[FirewallRulesetRule, ...]:
        """List the rules of a ruleset.

        Args:
            ruleset: Uuid of the ruleset.
            sort: The field to sort by, such as `+position`. None: the API's default.
        """
        return await self._list(f"{_path(ruleset)}/rule", _RULES, [] if sort is None else [("sort", sort)])


def _path(uuid: Uuid) -> str:
    return f"/firewall-ruleset/{path_segment(uuid, 'uuid')}"


def _label_path(uuid: Uuid, key: str) -> str:
    return f"{_path(uuid)}/labels/{path_segment(key, 'key of the label')}"


def _rule_path(ruleset: str, uuid: str) -> str:
    return f"{_path(ruleset)}/rule/{path_segment(uuid, 'uuid of the rule')}"
