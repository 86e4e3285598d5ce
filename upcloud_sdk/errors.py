"""All errors of this SDK, under one root.

```text title="The tree of errors"
UpCloudError
├── ConfigError                 no credentials or contradictory ones; a base URL that would send them unencrypted
├── NotOpen                     a client used outside its `async with` block, or in another event loop
├── NoMatch · Ambiguous         (LookupError) no template, zone or plan matches, or several; .candidates
├── TransportError              no usable answer
│   ├── ForeignAnswer           an answer that is not in the API's format: a proxy's page, a redirect; .status
│   ├── NotSent                 certainly had no effect
│   │   └── ConnectTimeout      (TimeoutError) no connection in time
│   └── OutcomeUnknown          may have had an effect: check before you repeat it (.label)
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
├── WaitTimeout                 (TimeoutError) .last: the last state
├── LeaseLost                   .uuid: somebody reaped, took or relabelled the server, or its lease was not renewed
├── BakeFailed                  .uuid .digest: a command of a recipe failed, or they took too long
└── CleanupFailed               .uuid: may still be running and costing money
```

Messages have the call, the code, the status and the correlation id, and say what to do, if known. They never contain a
body, a header or a secret. All errors can be pickled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from upcloud_sdk._hints import hint

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from upcloud_sdk.models.servers import ServerSummary
    from upcloud_sdk.models.storage_imports import StorageImport
    from upcloud_sdk.models.storages import StorageSummary

    Waited = ServerSummary | StorageSummary | StorageImport

__all__ = [
    "Ambiguous",
    "AnswerTimeout",
    "ApiError",
    "AuthenticationFailed",
    "BakeFailed",
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
        """Pickle the error with its attributes, independent of its constructor."""
        return _rebuild, (type(self), self.args, self.__dict__)


class ConfigError(UpCloudError, ValueError):
    """The client's configuration is invalid. Nothing was sent."""


class NotOpen(UpCloudError):
    """A client was used outside its `async with` block, or in another event loop. Nothing was sent."""


class _Selection(UpCloudError, LookupError):
    def __init__(self, message: str, *, candidates: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.candidates: tuple[str, ...] = tuple(candidates)
        """Existing titles or names, the most similar first."""


class NoMatch(_Selection):
    """Nothing matches. `candidates` has similar names."""


class Ambiguous(_Selection):
    """Several resources match. Give one of the `candidates`."""


class TransportError(UpCloudError):
    """No usable answer came."""

    def __init__(self, call: str, problem: str) -> None:
        super().__init__(f"{call}: {problem}")
        self.call, self.problem = call, problem


class ForeignAnswer(TransportError):
    """An answer that is not in the API's format. It proves nothing, whatever its status.

    For example a proxy's page, a redirect, other JSON, or an error without a code. After a POST it is the cause of
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
        """HTTP status of that answer."""


class NotSent(TransportError):
    """The request was not sent: it certainly had no effect."""

    def __init__(self, call: str, problem: str, *, may_pass: bool = True) -> None:
        super().__init__(call, problem)
        self.may_pass = may_pass
        """Whether another attempt may succeed. False for example if the certificate is not trusted."""


class ConnectTimeout(NotSent, TimeoutError):
    """The request was not sent in time: no connection, or no credentials. It had no effect."""


class OutcomeUnknown(TransportError):
    """The request may have had an effect. Check before you repeat it."""

    def __init__(self, call: str, problem: str, *, label: str | None = None) -> None:
        super().__init__(call, problem)
        self.label = label
        """Label of the created resource, as `key=value`, to find it by. None if it has none."""


class AnswerTimeout(OutcomeUnknown, TimeoutError):
    """No answer came in time. The request may have had an effect."""


class UnexpectedAnswer(UpCloudError):
    """A successful answer cannot be read. The error has the model, the field and the uuid, but not the value."""

    def __init__(self, call: str, model: str, path: str, problem: str, *, uuid: str | None = None) -> None:
        place = f"{model}.{path}" if path else model
        whose = f" of {uuid}" if uuid else ""
        super().__init__(f"{call}: the answer cannot be read as {place}{whose}: {problem}")
        self.call, self.model, self.path = call, model, path
        self.uuid = uuid
        """Uuid of the resource that could not be read, if the answer has it."""


class ApiError(UpCloudError):
    """The API refused the call or failed. Chapter "Errors" of the API."""

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
        """The code, such as `SERVER_STATE_ILLEGAL`. Empty if the answer has none."""
        self.message = message
        self.correlation_id = correlation_id
        self.invalid_params: tuple[tuple[str, str], ...] = tuple(invalid_params)
        """Invalid parameters: pairs of name and reason."""


class AuthenticationFailed(ApiError):
    """401: the credentials are missing or wrong."""


class PaymentRequired(ApiError):
    """402: the account's credits do not cover this."""


class Forbidden(ApiError):
    """403: no permission, or a resource of another account."""


class LimitReached(Forbidden):
    """A limit of the account is reached. Nothing was created."""


class NotFound(ApiError):
    """404: it does not exist."""


class InvalidRequest(ApiError):
    """400: an attribute is invalid, unknown or missing."""


class RateLimited(ApiError):
    """429: too many requests, and the pause that is asked for is longer than the client accepts.

    From the API, or from something on the way to it: then the cause is a `ForeignAnswer`.
    """

    retry_after: float | None = None
    """Seconds to wait, from the answer. None if it has none."""


class ServerFault(ApiError):
    """5xx: the service failed."""


class Conflict(ApiError):
    """409: a conflict with a state or another resource."""


class IllegalState(Conflict):
    """The state of the resource does not allow this call. Wait for another state."""


class NoCapacity(Conflict):
    """The zone has no capacity at the moment. Nothing was created. Try another zone or plan."""


class ResourceFailed(UpCloudError):
    """A resource went into the state "error", or an import failed, during a wait."""

    def __init__(self, kind: str, uuid: str, state: str = "error", *, reason: str = "") -> None:
        why = f": {reason}" if reason else " and will not reach the wanted state by itself"
        super().__init__(f"{kind} {uuid} is in state {str(state)!r}{why}")
        self.kind, self.uuid, self.state = kind, uuid, str(state)


class WaitTimeout(UpCloudError, TimeoutError):
    """A wait took longer than its timeout."""

    def __init__(self, message: str, *, last: Waited | None = None) -> None:
        super().__init__(message)
        self.last = last
        """The last result, whose `state` was not the wanted one. None if there was none."""


class LeaseLost(UpCloudError):
    """A lease is lost: somebody reaped, took or relabelled its server, or no renewal succeeded in time.

    Do not rely on the server any more.
    """

    def __init__(self, uuid: str, message: str) -> None:
        super().__init__(message)
        self.uuid = uuid


class BakeFailed(UpCloudError):
    """A command of a recipe failed, or the commands took too long. There is no image, and the server is deleted."""

    def __init__(self, uuid: str, digest: str, message: str) -> None:
        super().__init__(message)
        self.uuid = uuid
        """Uuid of the server on which the commands ran."""
        self.digest = digest
        """Digest of the recipe."""


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
    """The class for an error answer: by its code if that is more specific, or else by its status."""
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
