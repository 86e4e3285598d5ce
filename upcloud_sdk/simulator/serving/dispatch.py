"""One call: the script of faults, the credentials, the endpoint, the answer as bytes."""

from __future__ import annotations

import logging
from email.utils import formatdate
from typing import TYPE_CHECKING, NamedTuple

from upcloud_sdk.simulator.chapters.account import audit
from upcloud_sdk.simulator.chapters.routing import Router
from upcloud_sdk.simulator.chapters.storages import uploads
from upcloud_sdk.simulator.chapters.table import API
from upcloud_sdk.simulator.serving import control
from upcloud_sdk.simulator.serving.refusals import refusal
from upcloud_sdk.simulator.state import identity
from upcloud_sdk.simulator.state.cloud import Cloud
from upcloud_sdk.simulator.wire.calls import Answer, ApiFault, Call, LoggedRequest, Pause, Refusal, Sink

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from upcloud_sdk.simulator.state.faults import Fault

_log = logging.getLogger("upcloud_sdk.simulator")

ROOT = Router([control.routes, uploads.routes])
"""What is beside the API: the simulator's own control, and upload hosts."""
_VERSION = "1.3"
_LOG_LENGTH = 200_000
FOREVER = float("inf")


class Delivery(NamedTuple):
    """What goes back to the client. `dropped`: nothing does; `truncated`: the body ends before its length."""

    status: int
    headers: dict[str, str]
    body: bytes
    dropped: bool = False
    truncated: bool = False


class Dispatch(Cloud):
    """A cloud that can be called. A transport drives `exchange`, or fills a `sink`."""

    def exchange(
        self, method: str, target: str, headers: Mapping[str, str], content: bytes = b"", origin: str | None = None
    ) -> Generator[float, None, Delivery]:
        """Answer one request. Yields until when, on the API's clock, the caller must wait in between."""
        call = Call.parse(method, target, headers, content)
        call.origin = origin
        api_path, api = _below_version(call.path)
        with self.lock:
            fault = self.faults.take(call.method, api_path) if api else None
        if fault is None:
            answer: Answer | None = yield from self._answered(call)
        else:
            answer = yield from self._faulty(call, fault)
        query = "?" + target.partition("?")[2] if "?" in target else ""
        self._note(LoggedRequest(call.method, api_path + query, answer.status if answer else 0), api=api)
        if answer is None:
            return Delivery(0, {}, b"", dropped=True)
        delivery = self.packed(answer)
        if fault is not None and fault.truncate is not None:
            return delivery._replace(body=delivery.body[: fault.truncate], truncated=True)
        return delivery

    def _faulty(self, call: Call, fault: Fault) -> Generator[float, None, Answer | None]:
        """Before the effect, or after it: a delay, then what the fault puts in the answer's place."""
        answer: Answer | None = None
        if fault.after_effect:
            answer = yield from self._answered(call, fault.hide_from_lists)
        if fault.timeout:
            yield FOREVER
            return None
        if fault.delay is not None:
            yield self.clock.now() + fault.delay
        if fault.drop:
            return None
        if fault.status is not None or fault.body is not None:
            return self._answer_of(call.path, fault)
        if answer is None:
            answer = yield from self._answered(call, fault.hide_from_lists)
        answer.headers |= fault.headers
        return answer

    def _answer_of(self, path: str, fault: Fault) -> Answer:
        """What the fault answers in the API's place: in the words of the service where it has a code."""
        if fault.body is not None or fault.code is None:
            return fault.answer()
        answer = refusal(self, _below_version(path)[0], fault.refusal(fault.code))
        answer.headers |= fault.headers
        return answer

    def _answered(self, call: Call, list_lag: float | None = None) -> Generator[float, None, Answer]:
        with self.lock:
            result = self._handle(call) if list_lag is None else self._handle_late(call, list_lag)
            if isinstance(result, Answer):
                audit.note(self, call, result)
                return result
        if self.clock.real_seconds(1) is not None and result.seconds > 0:
            yield self.clock.now() + result.seconds
        with self.lock:
            self.settle()
            answer = result.then()
            audit.note(self, call, answer)
            return answer

    def _handle_late(self, call: Call, list_lag: float) -> Answer | Pause:
        """What this one call creates is not in lists for a while."""
        usual, self.list_lag = self.list_lag, list_lag
        try:
            return self._handle(call)
        finally:
            self.list_lag = usual

    def _handle(self, call: Call) -> Answer | Pause:
        """The API's own answer. The lock is held."""
        try:
            self.settle()
            identity.authenticate(self, call)
            call.path, api = _below_version(call.path)
            if not api:
                _check_version(call.path)
            route = (API if api else ROOT).find(call)
            assert route.handler is not None
            return route.handler(self, call)
        except ApiFault as fault:
            return refusal(self, call.path, fault)
        except Exception:  # noqa: BLE001 - a client must get an answer whatever we did wrong; logged with its trace
            _log.exception("%s %s failed in the simulator itself", call.method, call.path)
            return ApiFault(500, "SERVICE_ERROR", "The simulator failed; its log says why.").answer()

    def packed(self, answer: Answer) -> Delivery:
        headers = {"date": formatdate(self.clock.now(), usegmt=True), "server": "Apache", **answer.headers}
        body = answer.body()
        if answer.status != 204:
            headers["content-type"] = answer.content_type
        headers["content-length"] = str(len(body))
        if answer.status == 204:
            del headers["content-length"]
        return Delivery(answer.status, headers, body)

    def _note(self, request: LoggedRequest, *, api: bool) -> None:
        if not api:
            return
        self.requests.append(request)
        if len(self.requests) > _LOG_LENGTH:
            del self.requests[: _LOG_LENGTH // 2]

    def sink(self, method: str, target: str, headers: Mapping[str, str]) -> Sink | None:
        """Who takes the body of this request piece by piece; None for the ordinary ones."""
        call = Call.parse(method, target, headers)
        call.path, api = _below_version(call.path)
        if api:
            return None
        try:
            route = ROOT.find(call)
        except ApiFault:
            return None
        if route.sink is None:
            return None
        with self.lock:
            fault = self.faults.take(call.method, call.path)
            if fault is None:
                return route.sink(self, call)
            return Refusal(
                None if fault.drop else self._answer_of(call.path, fault),
                route.sink(self, call) if fault.after_effect else None,
            )


def _below_version(path: str) -> tuple[str, bool]:
    """The path below /1.3, and whether it is of the API at all."""
    first, _, rest = path[1:].partition("/")
    if first == _VERSION:
        return f"/{rest}", True
    return path, False


def _check_version(path: str) -> None:
    """Refuse the path of another version."""
    first = path[1:].partition("/")[0]
    if first.replace(".", "").isdigit():
        obsolete = first.startswith(("1.0", "1.1", "1.2"))
        code, fault = ("API_VERSION_OBSOLETE", "obsolete") if obsolete else ("API_VERSION_INVALID", "unknown")
        raise ApiFault(400, code, f"The API version {first} is {fault}; this is {_VERSION}.")
