"""Everything that this SDK raises, under one root.

```text
UpCloudError
├── ConfigError                 no, or contradictory, credentials; a base URL that would send them in the clear
├── NotOpen                     a client used outside its `async with` block
├── NoMatch · Ambiguous         (LookupError) no template, zone or plan like that, or several; .candidates
├── TransportError              nothing usable came back
│   ├── ForeignAnswer           something answered, in words that are not the API's: a proxy's page, a redirect; .status
│   ├── NotSent                 certainly had no effect
│   │   └── ConnectTimeout      (TimeoutError) no connection in time
│   └── OutcomeUnknown          may have had an effect: look before you repeat (.label)
│       └── AnswerTimeout       (TimeoutError) no answer in time
├── UnexpectedAnswer            a 2xx that cannot be read; .model .path .uuid
├── ApiError                    .status .code .message .correlation_id .invalid_params
│   ├── AuthenticationFailed    401
│   ├── PaymentRequired         402
│   ├── Forbidden               403
│   │   └── LimitReached        *_LIMIT_REACHED
│   ├── NotFound                404
│   ├── InvalidRequest          400
│   ├── RateLimited             429; .retry_after
│   ├── ServerFault             5xx
│   └── Conflict                409
│       ├── IllegalState        *_STATE_ILLEGAL
│       └── NoCapacity          *_RESOURCES_UNAVAILABLE
├── ResourceFailed              reached the state "error"; .kind .uuid .state
├── WaitTimeout                 (TimeoutError) .last: what was seen when time ran out
├── LeaseLost                   .uuid: somebody reaped, took or relabelled it while it was held, or it was not renewed
└── CleanupFailed               .uuid: may still be running and costing money
```

Messages name the call, the code, the status and the correlation id, and say what to do where that is known; never a
body, a header or a secret. Every error pickles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from upcloud_sdk._hints import hint

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "Ambiguous",
    "AnswerTimeout",
    "ApiError",
    "AuthenticationFailed",
    "CleanupFailed",
    "ConfigError",
    "Conflict",
    "ConnectTimeout",
    "Forbidden",
    "ForeignAnswer",
    "IllegalState",
    "InvalidRequest",
    "LeaseLost",
    "LimitReached",
    "NoCapacity",
    "NoMatch",
    "NotFound",
    "NotOpen",
    "NotSent",
    "OutcomeUnknown",
    "PaymentRequired",
    "RateLimited",
    "ResourceFailed",
    "ServerFault",
    "TransportError",
    "UnexpectedAnswer",
    "UpCloudError",
    "WaitTimeout",
]


def _rebuild(kind: type[UpCloudError], args: tuple[Any, ...], state: dict[str, Any]) -> UpCloudError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class UpCloudError(Exception):
    """The root of all errors of this SDK."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what the error carries, whatever its constructor takes."""
        return _rebuild, (type(self), self.args, self.__dict__)


class ConfigError(UpCloudError, ValueError):
    """The client cannot be used as configured; nothing was sent."""


class NotOpen(UpCloudError):
    """A client was used outside its `async with` block; nothing was sent."""


class _Selection(UpCloudError, LookupError):
    def __init__(self, message: str, *, candidates: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.candidates: tuple[str, ...] = tuple(candidates)
        """Titles or names that exist, the likeliest first."""


class NoMatch(_Selection):
    """Nothing fits what was asked for."""


class Ambiguous(_Selection):
    """Several things fit what was asked for; name one of the candidates."""


class TransportError(UpCloudError):
    """Nothing usable came back."""

    def __init__(self, call: str, problem: str) -> None:
        super().__init__(f"{call}: {problem}")
        self.call, self.problem = call, problem


class ForeignAnswer(TransportError):
    """Something answered in words that are not the API's: it proves nothing, whatever its status.

    A proxy's page, a redirect, a JSON document of another shape, an error without a code. Of a POST it is the cause of
    `OutcomeUnknown`.
    """

    def __init__(self, call: str, *, status: int, content_type: str = "") -> None:
        kind = content_type.partition(";")[0].strip() or "no content type"
        super().__init__(
            call,
            f"the answer is not the API's own (HTTP {status}, {kind}): something between this machine and the API "
            f"wrote it, or base_url is not the API's",
        )
        self.status = status
        """The HTTP status of that answer."""


class NotSent(TransportError):
    """The request never left this machine: it certainly had no effect."""

    def __init__(self, call: str, problem: str, *, may_pass: bool = True) -> None:
        super().__init__(call, problem)
        self.may_pass = may_pass
        """Whether another attempt may succeed: not where a certificate is not trusted."""


class ConnectTimeout(NotSent, TimeoutError):
    """It was not sent in time: there was no connection, or the credentials did not come. It had no effect."""


class OutcomeUnknown(TransportError):
    """The request may have had an effect: look before you repeat it."""

    def __init__(self, call: str, problem: str, *, label: str | None = None) -> None:
        super().__init__(call, problem)
        self.label = label
        """`key=value` by which what a create may have made can be found, if it has one."""


class AnswerTimeout(OutcomeUnknown, TimeoutError):
    """No answer came in time: the request may have had an effect."""


class UnexpectedAnswer(UpCloudError):
    """A successful answer that cannot be read: names the model, the path inside it and the uuid, not the value."""

    def __init__(self, call: str, model: str, path: str, problem: str, *, uuid: str | None = None) -> None:
        place = f"{model}.{path}" if path else model
        whose = f" of {uuid}" if uuid else ""
        super().__init__(f"{call}: the answer cannot be read as {place}{whose}: {problem}")
        self.call, self.model, self.path = call, model, path
        self.uuid = uuid
        """Of the thing that could not be read, where the answer says it."""


class ApiError(UpCloudError):
    """The API refused, or failed. Chapter "Errors" of the API."""

    def __init__(
        self,
        call: str,
        *,
        status: int,
        code: str = "",
        message: str = "",
        correlation_id: str | None = None,
        invalid_params: Sequence[tuple[str, str]] = (),
    ) -> None:
        facts = [code] if code else []
        facts.append(f"HTTP {status}")
        if correlation_id:
            facts.append(f"correlation id {correlation_id}")
        params = "".join(f"; {name}: {reason}" for name, reason in invalid_params)
        advice = hint(code)
        end = f"; {advice}" if advice else ""
        problem = f"{message or 'no message'}{params} ({', '.join(facts)}){end}"
        super().__init__(f"{call}: {problem}")
        self.call, self.problem = call, problem
        self.status = status
        self.code = code
        """The machine code, such as `SERVER_STATE_ILLEGAL`; empty where the answer was not the API's own."""
        self.message = message
        self.correlation_id = correlation_id
        self.invalid_params: tuple[tuple[str, str], ...] = tuple(invalid_params)
        """Pairs of the name of a parameter and what is wrong with it."""


class AuthenticationFailed(ApiError):
    """401: the credentials are missing or wrong."""


class PaymentRequired(ApiError):
    """402: the account's credits do not cover this."""


class Forbidden(ApiError):
    """403: not this account's, or not permitted to it."""


class LimitReached(Forbidden):
    """A limit of the account is reached; nothing was made."""


class NotFound(ApiError):
    """404: there is no such thing."""


class InvalidRequest(ApiError):
    """400: an attribute is invalid, unknown or missing."""


class RateLimited(ApiError):
    """429: too many requests, and the wait asked for is longer than the client may wait."""

    retry_after: float | None = None
    """Seconds after which the API says a call may succeed; None if it does not say."""


class ServerFault(ApiError):
    """5xx: the service failed."""


class Conflict(ApiError):
    """409: in conflict with a state or another resource."""


class IllegalState(Conflict):
    """The resource is in a state that does not allow this; wait for another state, or for the present one to end."""


class NoCapacity(Conflict):
    """The zone has no room for this at present; nothing was made. Another zone or plan may have."""


class ResourceFailed(UpCloudError):
    """A resource reached the state "error", or an import failed, while it was waited for."""

    def __init__(self, kind: str, uuid: str, state: str = "error", *, reason: str = "") -> None:
        why = f": {reason}" if reason else " and will not get where it was to go by itself"
        super().__init__(f"{kind} {uuid} is in state {str(state)!r}{why}")
        self.kind, self.uuid, self.state = kind, uuid, str(state)


class WaitTimeout(UpCloudError, TimeoutError):
    """Time ran out while waiting."""

    def __init__(self, message: str, *, last: Any = None) -> None:  # noqa: ANN401 - whatever was awaited
        super().__init__(message)
        self.last = last
        """What was seen last: a model, or None if nothing was."""


class LeaseLost(UpCloudError):
    """A lease that was held is lost: somebody reaped, took or relabelled its server, or no renewal got through in time.

    What ran on the server cannot be relied on any more.
    """

    def __init__(self, uuid: str, message: str) -> None:
        super().__init__(message)
        self.uuid = uuid


class CleanupFailed(UpCloudError):
    """A server could not be destroyed in time: it may still be running and costing money."""

    def __init__(self, uuid: str, message: str) -> None:
        super().__init__(message)
        self.uuid = uuid


_BY_STATUS: dict[int, type[ApiError]] = {
    400: InvalidRequest,
    401: AuthenticationFailed,
    402: PaymentRequired,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    429: RateLimited,
}


def api_error_class(status: int, code: str) -> type[ApiError]:
    """The class for an answer: by its code where that says more than the status, else by the status."""
    if status >= 500:
        return ServerFault
    if status == 429:
        return RateLimited
    code = code.upper().replace("-", "_")
    if code.endswith("_LIMIT_REACHED"):
        return LimitReached
    if code.endswith("_RESOURCES_UNAVAILABLE"):
        return NoCapacity
    if code.endswith("_STATE_ILLEGAL"):
        return IllegalState
    return _BY_STATUS.get(status, ApiError)
