"""One call: faults, credentials, the endpoint, the answer as bytes."""

from __future__ import annotations

import logging
from email.utils import formatdate
from typing import TYPE_CHECKING, NamedTuple

from upcloud_sdk.simulator.chapters.account import audit
from upcloud_sdk.simulator.chapters.routing import Route, Router
from upcloud_sdk.simulator.chapters.storages import uploads
from upcloud_sdk.simulator.chapters.table import API
from upcloud_sdk.simulator.serving import control
from upcloud_sdk.simulator.serving.refusals import of_service, refusal
from upcloud_sdk.simulator.state import identity
from upcloud_sdk.simulator.state.cloud import Cloud
from upcloud_sdk.simulator.wire.calls import Answer, ApiFault, Call, LoggedRequest, Pause, Refusal, Sink

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from upcloud_sdk.simulator.state.faults import Fault

_log = logging.getLogger("upcloud_sdk.simulator")

ROOT = Router([control.routes, uploads.routes])
"""Endpoints outside of the API: the control API and upload hosts."""
_VERSION = "1.3"
_LOG_LENGTH = 200_000
FOREVER = float("inf")


class Delivery(NamedTuple):
    """The answer to the client. `dropped`: no answer. `truncated`: the body is incomplete."""

    status: int
    headers: dict[str, str]
    body: bytes
    dropped: bool = False
    truncated: bool = False


class Dispatch(Cloud):
    """A cloud that answers calls. A transport runs `exchange`, or fills a `sink`."""

    def exchange(
        self, method: str, target: str, headers: Mapping[str, str], content: bytes = b"", origin: str | None = None
    ) -> Generator[float, None, Delivery]:
        """Answer one request. Yields times of the API's clock until which the caller must wait."""
        call = Call.parse(method, target, headers, content)
        refused = self._refused(call, target)
        if refused is not None:
            return refused
        call.origin = origin
        api_path, api = _below_version(call.path)
        with self.lock:
            fault = self.faults.take(call.method, api_path) if api else None
        if fault is None:
            answer: Answer | None = yield from self._answered(call)
        else:
            answer = yield from self._faulty(call, fault)
        if api:
            self._note(call.method, api_path, target, answer.status if answer else 0)
        if answer is None:
            return Delivery(0, {}, b"", dropped=True)
        delivery = self.packed(answer)
        if fault is not None and fault.truncate is not None:
            return delivery._replace(body=delivery.body[: fault.truncate], truncated=True)
        return delivery

    def refused(self, method: str, target: str, headers: Mapping[str, str]) -> Delivery | None:
        """The refusal of a request's credentials. A server asks before it reads the body."""
        return self._refused(Call.parse(method, target, headers), target)

    def _refused(self, call: Call, target: str) -> Delivery | None:
        try:
            with self.lock:
                self.settle()
                identity.authenticate(self, call)
        except ApiFault as fault:
            path, api = _below_version(call.path)
            answer = refusal(self, call.method, path, of_service(call.method, path, fault))
            if api:
                self._note(call.method, path, target, answer.status)
            return self.packed(answer)
        return None

    def _faulty(self, call: Call, fault: Fault) -> Generator[float, None, Answer | None]:
        """Apply a fault before or after the effect: a delay, then the fault's answer."""
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
            return self._answer_of(call.method, call.path, fault)
        if answer is None:
            answer = yield from self._answered(call, fault.hide_from_lists)
        answer.headers |= fault.headers
        return answer

    def _answer_of(self, method: str, path: str, fault: Fault) -> Answer:
        """The fault's answer. With a code, it has the format of the service."""
        if fault.body is not None or fault.code is None:
            return fault.answer()
        answer = refusal(self, method, _below_version(path)[0], fault.refusal(fault.code))
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
        """Handle a call whose new resource is missing in lists for a while."""
        usual, self.list_lag = self.list_lag, list_lag
        try:
            return self._handle(call)
        finally:
            self.list_lag = usual

    def _handle(self, call: Call) -> Answer | Pause:
        """The API's answer. Call it with the lock held."""
        try:
            self.settle()
            call.path, api = _below_version(call.path)
            if not api:
                _check_version(call.path)
            route = (API if api else ROOT).find(call)
            assert route.handler is not None
            return route.handler(self, call)
        except ApiFault as fault:
            return refusal(self, call.method, call.path, of_service(call.method, call.path, fault))
        except Exception:  # noqa: BLE001 - the client must get an answer; the error is logged
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

    def _note(self, method: str, path: str, target: str, status: int) -> None:
        query = "?" + target.partition("?")[2] if "?" in target else ""
        self.requests.append(LoggedRequest(method, path + query, status))
        if len(self.requests) > _LOG_LENGTH:
            del self.requests[: _LOG_LENGTH // 2]

    def is_upload(self, method: str, target: str) -> bool:
        """Whether `sink` receives the body of this request."""
        return _upload_route(Call.parse(method, target, {})) is not None

    def sink(self, method: str, target: str, headers: Mapping[str, str]) -> Sink | None:
        """The receiver of this request's body in pieces. None for ordinary requests."""
        call = Call.parse(method, target, headers)
        route = _upload_route(call)
        if route is None or route.sink is None:
            return None
        with self.lock:
            fault = self.faults.take(call.method, call.path)
            if fault is None:
                return route.sink(self, call)
            return Refusal(
                None if fault.drop else self._answer_of(call.method, call.path, fault),
                route.sink(self, call) if fault.after_effect else None,
            )


def _upload_route(call: Call) -> Route | None:
    try:
        route = ROOT.find(call)
    except ApiFault:
        return None
    return None if route.sink is None else route


def _below_version(path: str) -> tuple[str, bool]:
    """The path below /1.3, and whether it belongs to the API."""
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
