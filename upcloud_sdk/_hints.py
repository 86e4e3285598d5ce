"""Hints by error code, which are added to the message of an error."""

from __future__ import annotations

_BY_CODE = {
    "AUTHENTICATION_FAILED": (
        "is the token or password right, and is API access allowed for this user (control panel, "
        "People, API connections)?"
    ),
    "ACTION_FORBIDDEN": "a sub-account needs API access and the permission for this, from its main account",
    "INSUFFICIENT_CREDITS": "account.get() shows the credits that are left",
    "METADATA_DISABLED_ON_CLOUD-INIT": "write metadata=True in the ServerSpec",
    "CAN_NOT_CREATE_PASSWORD_FOR_THE_SELECTED_DISTRIBUTION": (
        "this template takes SSH keys only: login_user=LoginUser(ssh_keys=[...])"
    ),
    "SERVER_INVALID": (
        "give the uuid of the server: find it in servers.list() by its hostname or title, or by a label with "
        "servers.list(labels={...})"
    ),
    "STORAGE_INVALID": "give the uuid of the storage; storages.find_template finds a template by its title",
    "SIZE_INVALID": "size is in GB: at least the size of the template or of the disk now, and at most 4096",
    "TIER_INVALID": "leave tier out to get the tier of the plan",
    "ZONE_INVALID": "zones.list() shows the ids",
    "ZONE_NOT_FOUND": "zones.list() shows the ids",
    "ZONE_MISMATCH": "a server and its storages must be in the same zone",
    "PLAN_INVALID": "plans.list() shows the names",
    "PLAN_CORE_NUMBER_ILLEGAL": "a plan fixes its cores: leave core_number out, or write plan='custom'",
    "PLAN_MEMORY_AMOUNT_ILLEGAL": "a plan fixes its memory: leave memory_amount out, or write plan='custom'",
    "CORE_MEMORY_UNSUPPORTED": "server_sizes.list() shows the valid pairs",
    "STORAGE_ATTACHED": "detach it first",
    "HOT_RESIZE_NOT_ENABLED": "stop it first: servers.stop, then servers.wait_for_state",
    "SERVER_STATE_ILLEGAL": "wait for another state with servers.wait_for_state; servers.destroy does this itself",
    "STORAGE_STATE_ILLEGAL": "wait for another state with storages.wait_for_state",
    "BACKUP_RULE_CONFLICT": "a server's simple_backup and a storage's backup_rule exclude each other",
    "PEERING_NOT_DISABLED": "set configured_status to 'disabled' first",
    "NETWORK_NOT_EMPTY": "detach the servers from the network first",
    "ROUTER_ATTACHED": "detach the router from its networks first",
    "TRIAL_PLAN": "a trial account cannot do this",
    "TRIAL_FIREWALL": "a trial account cannot do this",
}

_BY_END = {
    "_RESOURCES_UNAVAILABLE": "another zone or plan may be available: give several specs, see ServerSpec.variants",
    "_LIMIT_REACHED": "account.get() shows the limits of the account",
}


_COMMANDS = {
    "account.get() shows": "`upcloud-sdk doctor` shows",
    "plans.list() shows": "`upcloud-sdk plans --all` shows",
    "servers.list() by its hostname or title, or by a label with servers.list(labels={...})": (
        "`upcloud-sdk servers list`, or by a label with --label"
    ),
    "storages.find_template finds a template by its title": "`upcloud-sdk templates` shows those of templates",
    "wait for another state with servers.wait_for_state; servers.destroy does this itself": (
        "wait for another state; `upcloud-sdk servers destroy` does this itself"
    ),
}
"""The words of hints for which there is a command."""


def for_a_shell(text: str) -> str:
    """The text of an error, with commands in place of the SDK's methods where there are some."""
    for words, command in _COMMANDS.items():
        text = text.replace(words, command)
    return text


def hint(code: str) -> str:
    """The hint for a code. Empty if there is none."""
    if code in _BY_CODE:
        return _BY_CODE[code]
    return next((text for end, text in _BY_END.items() if code.endswith(end)), "")
