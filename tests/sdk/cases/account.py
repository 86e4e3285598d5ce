from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Network

from pydantic import SecretStr

from tests.sdk.cases.case import SERVER, TOKEN, Case, Json
from upcloud_sdk.models import (
    ApiTokenSpec,
    Permission,
    PermissionOptionsSpec,
    PermissionSpec,
    PermissionTarget,
    ServerAccessSpec,
    SubAccountChanges,
    SubAccountSpec,
    TagAccessSpec,
)

_TOKEN = {
    "id": TOKEN,
    "name": "ci",
    "type": "workspace",
    "created_at": "2026-11-24T09:00:00.534408Z",
    "expires_at": "2027-01-01T00:00:00.00001Z",
    "can_create_tokens": False,
    "allowed_ip_ranges": ["10.0.0.0/8"],
    "gui": False,
}
_DETAILS: Json = {
    "account": {
        "username": "sub",
        "type": "sub",
        "main_account": "main",
        "first_name": "A",
        "last_name": "B",
        "allow_api": "yes",
        "allow_gui": "no",
        "roles": {"role": ["billing"]},
        "campaigns": {"campaign": []},
        "tag_access": {"tag": [{"name": "web", "storage": "yes"}]},
        "server_access": {"server": [{"uuid": "*", "storage": "no"}]},
        "storage_access": {"storage": ["*"]},
        "network_access": {"network": []},
        "ip_filters": {"ip_filter": ["127.0.0.1", "10.0.0.0/8"]},
    }
}
_PERMISSION = {
    "user": "sub",
    "target_type": "server",
    "target_identifier": SERVER,
    "options": {"storage": "yes"},
}
_BILL = {
    "currency": "EUR",
    "total_amount": 12.5,
    "servers": {
        "server": {
            "resources": [
                {
                    "resource_id": SERVER,
                    "amount": 12.5,
                    "hours": 672,
                    "details": [
                        {"amount": 12.5, "hours": 672, "plan": "1xCPU-1GB", "zone": "fi-hel1", "firewall": "0.56"},
                        {"firewall": "included"},
                    ],
                }
            ],
            "total_amount": 12.5,
        },
        "total_amount": 12.5,
    },
}

CASES = [
    Case(
        call=lambda c: c.account.get(),
        sends="GET /account",
        answer={"account": {"username": "main", "credits": 9972.2324, "resource_limits": {"cores": 200, "tags": None}}},
        look=lambda account: (account.username, account.credits, account.resource_limits.cores),
        sees=("main", Decimal("9972.2324"), 200),
    ),
    Case(
        call=lambda c: c.account.billing("2026-11"),
        sends="GET /account/billing/summary/2026-11",
        answer=_BILL,
        look=lambda bill: (
            bill.total_amount,
            [detail.firewall for detail in bill.categories["servers"].kinds["server"].resources[0].details],
        ),
        sees=(Decimal("12.5"), [Decimal("0.56"), "included"]),
    ),
    Case(
        call=lambda c: c.account.billing(date(2026, 11, 24), resource_id=SERVER, username="customer"),
        sends=f"GET /account/billing/summary/2026-11?resource_id={SERVER}&username=customer",
        answer={"currency": "EUR", "total_amount": 0},
        look=lambda bill: (bill.currency, len(bill.categories)),
        sees=("EUR", 0),
    ),
    Case(
        call=lambda c: c.accounts.list(),
        sends="GET /account/list",
        answer={"accounts": {"account": [{"type": "main", "username": "main", "roles": {"role": ["technical"]}}]}},
        look=lambda accounts: [(each.username, each.type, each.roles) for each in accounts],
        sees=[("main", "main", ("technical",))],
    ),
    Case(
        call=lambda c: c.accounts.get("sub"),
        sends="GET /account/details/sub",
        answer=_DETAILS,
        look=lambda account: (
            account.main_account,
            account.allow_api,
            account.tag_access[0].storage,
            account.server_access[0].uuid,
            account.storage_access,
            account.ip_filters,
        ),
        sees=("main", True, True, "*", ("*",), (IPv4Address("127.0.0.1"), "10.0.0.0/8")),
    ),
    Case(
        call=lambda c: c.accounts.create_sub(
            SubAccountSpec(
                username="sub",
                password=SecretStr("correct horse"),
                first_name="A",
                last_name="B",
                email="a@example.com",
                phone="+358.31245434",
                country="FIN",
                currency="EUR",
                allow_api=True,
                roles=["billing"],
                tag_access=[TagAccessSpec(name="web", storage=True)],
                server_access=[ServerAccessSpec(uuid="*")],
            )
        ),
        sends="POST /account/sub",
        body={
            "sub_account": {
                "username": "sub",
                "password": "correct horse",
                "first_name": "A",
                "last_name": "B",
                "email": "a@example.com",
                "phone": "+358.31245434",
                "country": "FIN",
                "currency": "EUR",
                "language": "en",
                "timezone": "UTC",
                "allow_api": "yes",
                "allow_gui": "no",
                "roles": {"role": ["billing"]},
                "tag_access": {"tag": [{"name": "web", "storage": "yes"}]},
                "server_access": {"server": [{"uuid": "*", "storage": "no"}]},
                "storage_access": {"storage": []},
                "network_access": {"network": []},
                "ip_filters": {"ip_filter": []},
            }
        },
        status=204,
        sees=None,
    ),
    Case(
        call=lambda c: c.accounts.modify_sub("sub", SubAccountChanges(city="Helsinki", allow_api=False, roles=[])),
        sends="PUT /account/sub/sub",
        body={"account": {"city": "Helsinki", "allow_api": "no", "roles": {"role": []}}},
        status=204,
        sees=None,
    ),
    Case(call=lambda c: c.accounts.delete_sub("sub"), sends="DELETE /account/sub/sub", status=204, sees=None),
    Case(
        call=lambda c: c.tokens.list(),
        sends="GET /account/tokens?limit=100&offset=0",
        answer=[_TOKEN],
        look=lambda tokens: (tokens[0].expires_at, tokens[0].token),
        sees=(datetime(2027, 1, 1, 0, 0, 0, 10, UTC), None),
    ),
    Case(
        call=lambda c: c.tokens.get(TOKEN),
        sends=f"GET /account/tokens/{TOKEN}",
        answer=_TOKEN,
        look=lambda token: token.allowed_ip_ranges,
        sees=("10.0.0.0/8",),
    ),
    Case(
        call=lambda c: c.tokens.create(
            ApiTokenSpec(
                name="ci", expires_at=datetime(2027, 1, 1, tzinfo=UTC), allowed_ip_ranges=[IPv4Network("10.0.0.0/8")]
            )
        ),
        sends="POST /account/tokens",
        body={
            "name": "ci",
            "expires_at": "2027-01-01T00:00:00Z",
            "can_create_tokens": False,
            "allowed_ip_ranges": ["10.0.0.0/8"],
        },
        status=201,
        answer={**_TOKEN, "token": "ucat_new"},
        look=lambda token: token.token.get_secret_value(),
        sees="ucat_new",
    ),
    Case(
        call=lambda c: c.tokens.create(ApiTokenSpec(name="ci", expires_at=datetime(2027, 1, 1, tzinfo=UTC))),
        sends="POST /account/tokens",
        body={
            "name": "ci",
            "expires_at": "2027-01-01T00:00:00Z",
            "can_create_tokens": False,
            "allowed_ip_ranges": ["0.0.0.0/0", "::/0"],
        },
        status=201,
        answer={**_TOKEN, "token": "ucat_new"},
        # pydantic before 2.12 writes the time zone differently.
        look=lambda token: repr(token).replace("TzInfo(UTC)", "TzInfo(0)"),
        sees=(
            "ApiToken(id='0ca1b2c3-d4e5-4f60-8a7b-0123456789ab', name='ci', type='workspace', "
            "created_at=datetime.datetime(2026, 11, 24, 9, 0, 0, 534408, tzinfo=TzInfo(0)), "
            "expires_at=datetime.datetime(2027, 1, 1, 0, 0, 0, 10, tzinfo=TzInfo(0)), can_create_tokens=False, "
            "allowed_ip_ranges=('10.0.0.0/8',), gui=False, token=SecretStr('**********'))"
        ),
    ),
    Case(call=lambda c: c.tokens.delete(TOKEN), sends=f"DELETE /account/tokens/{TOKEN}", status=204, sees=None),
    Case(
        call=lambda c: c.permissions.list(),
        sends="GET /permission",
        answer={"permissions": {"permission": [_PERMISSION]}},
        look=lambda permissions: (permissions[0].target_type, permissions[0].options.storage),
        sees=(PermissionTarget.SERVER, True),
    ),
    Case(
        call=lambda c: c.permissions.list(user="somebody else"),
        sends="GET /permission",
        answer={"permissions": {"permission": [_PERMISSION]}},
        sees=(),
    ),
    Case(
        call=lambda c: c.permissions.grant(
            PermissionSpec(
                user="sub",
                target_type="server",
                target_identifier=SERVER,
                options=PermissionOptionsSpec(storage=True),
            )
        ),
        sends="POST /permission/grant",
        body={"permission": _PERMISSION},
        answer={"permission": _PERMISSION},
        look=lambda permission: permission.target_identifier,
        sees=SERVER,
    ),
    Case(
        call=lambda c: c.permissions.revoke(PermissionSpec(user="sub", target_type="tag_access")),
        sends="POST /permission/revoke",
        body={"permission": {"user": "sub", "target_type": "tag_access", "target_identifier": "*"}},
        status=204,
        sees=None,
    ),
    Case(
        call=lambda c: c.permissions.revoke(Permission.model_validate({**_PERMISSION, "target_type": "of_tomorrow"})),
        sends="POST /permission/revoke",
        body={"permission": {**_PERMISSION, "target_type": "of_tomorrow"}},
        status=204,
        sees=None,
    ),
    Case(
        call=lambda c: anext(c.audit_logs.list()),
        sends="GET /audit-logs?limit=100&offset=0",
        answer={"audit_logs": [{"time": "2026-11-24T09:00:00Z", "action": "create", "account_username": "main"}]},
        look=lambda page: [(entry.time, entry.action, entry.account_username) for entry in page],
        sees=[(datetime(2026, 11, 24, 9, tzinfo=UTC), "create", "main")],
    ),
    Case(
        call=lambda c: anext(
            c.audit_logs.list(
                q=SERVER,
                actions=["create", "delete"],
                origins=["api"],
                resource_types=["server"],
                created_after=datetime(2026, 11, 1, tzinfo=UTC),
                created_before=datetime(2026, 11, 24, 9, 30, tzinfo=UTC),
                page=10,
            )
        ),
        sends=(
            f"GET /audit-logs?q={SERVER}&actions=create&actions=delete&origins=api&resource_types=server"
            "&created_after=2026-11-01T00%3A00%3A00Z&created_before=2026-11-24T09%3A30%3A00Z&limit=10&offset=0"
        ),
        answer={"audit_logs": {"audit_log": [{"id": "1", "created_at": "2026-11-24T09:00:00Z", "username": "main"}]}},
        look=lambda page: [(entry.time, entry.cloud_event_id, entry.account_username) for entry in page],
        sees=[(datetime(2026, 11, 24, 9, tzinfo=UTC), "1", "main")],
    ),
    Case(
        call=lambda c: c.audit_logs.export("csv").read(),
        sends="GET /audit-logs/export?format=csv",
        answer=[{"action": "create"}],
        look=lambda content: content.replace(b" ", b""),
        sees=b'[{"action":"create"}]',
    ),
]
