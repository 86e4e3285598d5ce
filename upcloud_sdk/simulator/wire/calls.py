"""What goes in and what comes out: a call, an answer, and how an answer is refused or held."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from upcloud_sdk.simulator.records.account import Token

LEGACY_JSON = "application/json; charset=UTF-8"
PLAIN_JSON = "application/json"
PROBLEM_JSON = "application/problem+json"

_ENCODER = json.JSONEncoder(separators=(",", ":"))

Document = dict[str, object]


class ApiFault(Exception):
    """The API says no, in the legacy error shape (chapter 3)."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message = status, code, message

    @property
    def parameter(self) -> str:
        """The parameter that is refused, by a code such as LIMIT_INVALID."""
        return self.code.removesuffix("_INVALID").lower()

    def answer(self) -> Answer:
        return Answer(self.status, {"error": {"error_code": self.code, "error_message": self.message}})


class ProblemFault(ApiFault):
    """The same in the shape of the newer services: application/problem+json.

    Args:
        status: The HTTP status.
        code: The API's code, without its prefix ERROR_.
        message: The title of the problem.
        reasons: What is wrong with each parameter that is refused, by its name.
    """

    def __init__(self, status: int, code: str, message: str, reasons: Mapping[str, str] | None = None) -> None:
        super().__init__(status, code, message)
        self.reasons = dict(reasons or {})
        self.correlation_id = ""

    def answer(self) -> Answer:
        kind = f"https://developers.upcloud.com/1.3/errors#ERROR_{self.code}"
        document: Document = {"type": kind, "title": self.message, "status": self.status}
        if self.reasons:
            document["invalid_params"] = [{"name": name, "reason": why} for name, why in self.reasons.items()]
        if self.correlation_id:
            document["correlation_id"] = self.correlation_id
        return Answer(self.status, document, content_type=PROBLEM_JSON)


@dataclass(slots=True)
class Answer:
    """An answer before it becomes bytes. `document` None is an empty body."""

    status: int
    document: object = None
    content_type: str = LEGACY_JSON
    headers: dict[str, str] = field(default_factory=dict[str, str])
    raw: bytes | None = None
    """A body that is not a JSON document; wins over `document`."""

    def body(self) -> bytes:
        if self.raw is not None:
            return self.raw
        return b"" if self.document is None else _ENCODER.encode(self.document).encode()


@dataclass(slots=True)
class Pause:
    """A call that blocks: the answer comes `seconds` later on the API's clock, from `then`.

    On a manual clock nothing blocks: `then` is called at once and must bring about what the call waits for.
    """

    seconds: float
    then: Callable[[], Answer]


class LoggedRequest(NamedTuple):
    """One request that came in; `status` is 0 if it was never answered."""

    method: str
    path: str
    """Below the version, with its query."""
    status: int


class Sink(Protocol):
    """Takes a body piece by piece, so that an upload is never held in memory."""

    def write(self, chunk: bytes) -> None: ...

    def finish(self) -> Answer | None:
        """The answer; None drops the connection without one."""
        ...

    def abort(self) -> None:
        """The client went away before the end."""
        ...


class Refusal:
    """Takes a body for an answer that does not depend on it; `inner` gets the body all the same."""

    def __init__(self, answer: Answer | None, inner: Sink | None = None) -> None:
        self._answer, self._inner = answer, inner

    def write(self, chunk: bytes) -> None:
        if self._inner is not None:
            self._inner.write(chunk)

    def finish(self) -> Answer | None:
        if self._inner is not None:
            self._inner.finish()
        return self._answer

    def abort(self) -> None:
        if self._inner is not None:
            self._inner.abort()


@dataclass(slots=True)
class Call:
    """One request. `path` has no trailing slash; `args` are the parts of it that vary."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: Mapping[str, str]
    content: bytes = b""
    args: dict[str, str] = field(default_factory=dict[str, str])
    origin: str | None = None
    """Where the simulator is served, as the client calls it; None in the same process."""
    user: str = ""
    token: Token | None = None
    """The API token that the call is made with, if the API has made it."""

    @classmethod
    def parse(cls, method: str, target: str, headers: Mapping[str, str], content: bytes = b"") -> Call:
        """Read a request line's target (path and query). `headers` have lower-case names."""
        path, _, query = target.partition("?")
        pairs = parse_qsl(query, keep_blank_values=True) if query else []
        return cls(method.upper(), unquote(path).rstrip("/") or "/", pairs, headers, content)

    def param(self, name: str) -> str | None:
        """The last value of a query parameter."""
        return next((value for key, value in reversed(self.query) if key == name), None)

    def params(self, name: str) -> list[str]:
        """Every value of a query parameter."""
        return [value for key, value in self.query if key == name]

    def document(self) -> object:
        """The body as JSON; None if there is none. Raises `ApiFault` for what is not JSON."""
        if not self.content.strip():
            return None
        try:
            return json.loads(self.content)
        except ValueError:
            raise ApiFault(400, "INVALID_REQUEST", "The request body is not valid JSON.") from None
