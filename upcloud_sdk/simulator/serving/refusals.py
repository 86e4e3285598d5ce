"""Formats refusals as the refusing service does (chapter 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from upcloud_sdk.simulator.wire.calls import PLAIN_JSON, PROBLEM_JSON, Answer, ApiFault, ProblemFault

if TYPE_CHECKING:
    from upcloud_sdk.simulator.state.cloud import Cloud

ServerErrors = Literal["recorded", "contract"]
"""Format for server calls: `error_code` and `error_message` (recorded), or `code` and `message` (contract)."""

_PROBLEMS = ("/account/tokens", "/audit-logs", "/firewall-ruleset")
"""The newer services, which use problem documents."""
_OLDER = "/firewall-ruleset/server/"
"""Exceptions, which refuse changes in the old format, but with the newer media type, with the statuses below."""
_EXPLICIT = frozenset({400, 403, 404, 409})
"""Statuses with a different format for servers in the contract."""
_TOKENS = {400: "BAD_REQUEST", 401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND"}
"""Codes in problem documents of tokens, by status."""


_TAGS = {400: "TAG_INVALID", 403: "TAG_FORBIDDEN", 404: "TAG_NOT_FOUND", 409: "TAG_EXISTS"}
"""The codes for tags in the contract, by status. Sub-accounts get ACTION_FORBIDDEN, by a recording."""


def of_service(method: str, path: str, fault: ApiFault) -> ApiFault:
    """The fault with the service's code."""
    is_tag = path.startswith("/tag/") or (path == "/tag" and method == "POST" and fault.status != 404)
    if not is_tag or fault.status not in _TAGS or fault.code == "ACTION_FORBIDDEN":
        return fault
    return ApiFault(fault.status, _TAGS[fault.status], fault.message)


def refusal(cloud: Cloud, method: str, path: str, fault: ApiFault) -> Answer:
    """The refusal in the format of the service at this path (without the version)."""
    service = path.split("/")[1]
    older = path.startswith(_OLDER) and method != "GET" and fault.status in _EXPLICIT
    if older:
        answer = fault.answer()
        answer.content_type = PROBLEM_JSON
        return answer
    newer = path.startswith(_PROBLEMS)
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
