"""The account itself (chapter 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.state import usage
from upcloud_sdk.simulator.wire.calls import Answer, Call

if TYPE_CHECKING:
    from upcloud_sdk.simulator.state.cloud import Cloud

routes = Routes()


@routes.get("/account")
def get_account(cloud: Cloud, _call: Call) -> Answer:
    usage.charge(cloud)
    account = cloud.account
    document = {
        "credits": account.credits,
        "resource_limits": dict(account.resource_limits),
        "username": account.username,
    }
    return Answer(200, {"account": document})
