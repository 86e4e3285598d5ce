"""Calls, answers, refusals and pauses."""

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
    """A refusal of the API, in the older error format (chapter 3)."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message = status, code, message

    @property
    def parameter(self) -> str:
        """The refused parameter, from a code such as LIMIT_INVALID."""
        return self.code.removesuffix("_INVALID").lower()

    def answer(self) -> Answer:
        return Answer(self.status, {"error": {"error_code": self.code, "error_message": self.message}})


class ProblemFault(ApiFault):
    """A refusal in the format of the newer services: application/problem+json.

    Args:
        status: The HTTP status.
        code: The API's code, without its prefix ERROR_.
        message: The title of the problem.
        reasons: Reasons by name of the refused parameter.
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
    """An answer before it becomes bytes. `document` None: an empty body."""

    status: int
    document: object = None
    content_type: str = LEGACY_JSON
    headers: dict[str, str] = field(default_factory=dict[str, str])
    raw: bytes | None = None
    """A body that is not JSON. Overrides `document`."""

    def body(self) -> bytes:
        if self.raw is not None:
            return self.raw
        return b"" if self.document is None else _ENCODER.encode(self.document).encode()


@dataclass(slots=True)
class Pause:
    """A blocking call: its answer comes from `then`, `seconds` later by the API's clock.

    A manual clock does not block: `then` is called immediately, and must make the change that the call waits for.
    """

    seconds: float
    then: Callable[[], Answer]


class LoggedRequest(NamedTuple):
    """A received request. `status` is 0 if it was not answered."""

    method: str
    path: str
    """The path without the version, with the query."""
    status: int


class Sink(Protocol):
    """Receives a body in pieces, so that uploads are not kept in memory."""

    def write(self, chunk: bytes) -> None: ...

    def finish(self) -> Answer | None:
        """The answer. None: drop the connection without an answer."""
        ...

    def abort(self) -> None:
        """The client disconnected before the end."""
        ...


class Refusal:
    """Receives a body for a fixed answer. `inner` gets the body too."""

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
    """One request. `path` has no final slash. `args` are the values of its placeholders."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: Mapping[str, str]
    content: bytes = b""
    args: dict[str, str] = field(default_factory=dict[str, str])
    origin: str | None = None
    """The simulator's URL, as the client calls it. None in the same process."""
    user: str = ""
    token: Token | None = None
    """The API token of the call, if the API has created it."""

    @classmethod
    def parse(cls, method: str, target: str, headers: Mapping[str, str], content: bytes = b"") -> Call:
        """Read a request line's target (path and query). `headers` have lower-case names."""
        path, _, query = target.partition("?")
        if not path.startswith("/"):  # such as the `*` of `OPTIONS *`, which is no endpoint
            path = f"/{path}"
        pairs = parse_qsl(query, keep_blank_values=True) if query else []
        return cls(method.upper(), unquote(path).rstrip("/") or "/", pairs, headers, content)

    def param(self, name: str) -> str | None:
        """The last value of a query parameter."""
        return next((value for key, value in reversed(self.query) if key == name), None)

    def params(self, name: str) -> list[str]:
        """Every value of a query parameter."""
        return [value for key, value in self.query if key == name]

    def document(self) -> object:
        """The body as JSON. None if there is none. Raises `ApiFault` if it is not JSON."""
        if not self.content.strip():
            return None
        try:
            document: object = json.loads(self.content)
            if b"\\u" in self.content:  # half of a character is no text: no answer and no file could contain it
                json.dumps(document, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            raise ApiFault(400, "INVALID_REQUEST", "The request body is not valid JSON.") from None
        return document
