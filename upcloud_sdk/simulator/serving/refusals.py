"""Refusals in the shape of the service that refuses (chapter 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from upcloud_sdk.simulator.wire.calls import PLAIN_JSON, Answer, ApiFault, ProblemFault

if TYPE_CHECKING:
    from upcloud_sdk.simulator.state.cloud import Cloud

ServerErrors = Literal["recorded", "contract"]
"""How servers refuse: `error_code` and `error_message`, as recorded; or `code` and `message`, as in the contract."""

_PROBLEMS = ("/account/tokens", "/audit-logs", "/firewall-ruleset")
"""The newer services, which refuse with problems."""
_OLDER = "/firewall-ruleset/server/"
"""What refuses in the old shape all the same, with the statuses below."""
_EXPLICIT = frozenset({400, 403, 404, 409})
"""The statuses for which the contract gives servers a shape of their own."""
_TOKENS = {400: "BAD_REQUEST", 401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND"}
"""The codes of tokens' problems, by status."""


def refusal(cloud: Cloud, path: str, fault: ApiFault) -> Answer:
    """The answer of the service that is called by this path below the version."""
    service = path.split("/")[1]
    newer = path.startswith(_PROBLEMS) and not (path.startswith(_OLDER) and fault.status in _EXPLICIT)
    if newer and not isinstance(fault, ProblemFault):
        code = _TOKENS.get(fault.status, fault.code) if path.startswith("/account/tokens") else fault.code
        fault = ProblemFault(fault.status, code, fault.message)
    if isinstance(fault, ProblemFault):
        fault.correlation_id = cloud.new_correlation_id()
        return fault.answer()
    explicit = service == "server" and cloud.server_errors == "contract" and fault.status in _EXPLICIT
    if explicit or fault.code == "PRICE_INVALID":
        document = {"error": {"code": fault.code, "message": fault.message}}
        return Answer(fault.status, document, content_type=PLAIN_JSON)
    return fault.answer()
