"""The account itself (chapter 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator import billing
from upcloud_sdk.simulator.calls import Answer, Call
from upcloud_sdk.simulator.routing import Routes

if TYPE_CHECKING:
    from upcloud_sdk.simulator.cloud import Cloud

routes = Routes()


@routes.get("/account")
def get_account(cloud: Cloud, _call: Call) -> Answer:
    billing.charge(cloud)
    account = cloud.account
    document = {
        "credits": account.credits,
        "resource_limits": dict(account.resource_limits),
        "username": account.username,
    }
    return Answer(200, {"account": document})
