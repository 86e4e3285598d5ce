"""The simulator: takes calls, answers as the API would, or as the script of faults says."""

from __future__ import annotations

import logging
from email.utils import formatdate
from typing import TYPE_CHECKING, NamedTuple, Self

from upcloud_sdk.simulator import (
    account,
    catalog,
    control,
    copies,
    devices,
    power,
    server_create,
    servers,
    storages,
)
from upcloud_sdk.simulator.access import Access
from upcloud_sdk.simulator.calls import Answer, ApiFault, Call, Pause, Sink
from upcloud_sdk.simulator.cloud import DEFAULT_BOOT, Cloud
from upcloud_sdk.simulator.faults import Fault, Faults, call_pattern
from upcloud_sdk.simulator.progress import Boot, after_seconds
from upcloud_sdk.simulator.routing import Router
from upcloud_sdk.simulator.ticker import Ticker

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from contextlib import AbstractContextManager

    from upcloud_sdk.simulator.clock import Clock
    from upcloud_sdk.simulator.guests import Guests
    from upcloud_sdk.simulator.transport import SimulatorTransport

_log = logging.getLogger("upcloud_sdk.simulator")

VERSION = "1.3"
_API = Router(
    [
        account.routes, catalog.routes, servers.routes, server_create.routes, power.routes, devices.routes,
        storages.routes, copies.routes,
    ]
)  # fmt: skip
"""Every endpoint below /1.3. A new chapter is one module with `routes`, named here."""
_ROOT = Router([control.routes])
"""What is beside the API: the simulator's own control, and upload hosts."""
_LOG_LENGTH = 200_000


class LoggedRequest(NamedTuple):
    """One request that came in; `status` is 0 if it was never answered."""

    method: str
    path: str
    """Below the version, with its query."""
    status: int


class Delivery(NamedTuple):
    """What goes back to the client. `dropped`: nothing does; `truncated`: the body ends before its length."""

    status: int
    headers: dict[str, str]
    body: bytes
    dropped: bool = False
    truncated: bool = False


FOREVER = float("inf")
Exchange = "Generator[float, None, Delivery]"


class Simulator(Cloud):
    """An offline UpCloud API with an account of its own.

    Args:
        clock: Where it reads the time: `RealClock()` (the default), `ScaledClock(factor)`, `ManualClock()`.
        boot_seconds: How long a server takes to start.
        boot: The same in more ways: `after_polls(3)`, `never()`, `to_error()`, or a callable of the server.
        stop_seconds: How long it takes to stop.
        storage_seconds: How long cloning, backing up and creating a storage take.
        username: With `password`, the pair that is accepted. Without any credential, each is.
        password: See `username`.
        token: The API token that is accepted.
        seed: Makes ids, addresses and random faults the same in each run.
        guests: What runs in a started server; None is nothing. See `process_guests`.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        boot_seconds: float | None = None,
        boot: Boot | None = None,
        stop_seconds: float = 1.0,
        storage_seconds: float = 1.0,
        username: str | None = None,
        password: str | None = None,
        token: str | None = None,
        seed: int | None = None,
        guests: Guests | None = None,
    ) -> None:
        if boot is not None and boot_seconds is not None:
            raise ValueError("give boot_seconds or boot, not both")
        if boot is None:
            boot = DEFAULT_BOOT if boot_seconds is None else after_seconds(boot_seconds)
        super().__init__(clock=clock, seed=seed, boot=boot, stop_seconds=stop_seconds, storage_seconds=storage_seconds)
        self.access = Access(username=username, password=password, token=token)
        self.faults = Faults(self.random)
        self.requests: list[LoggedRequest] = []
        self._ticker = Ticker(self)
        if guests is not None:
            self.guests = guests
            self.tick()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()

    def close(self) -> None:
        """End the guests and the background thread, if there are any."""
        self._ticker.stop()
        self.guests.close()

    def tick(self) -> None:
        """Let things happen when they are due though nobody calls; not on a clock that only a hand moves."""
        if self.clock.real_seconds(1) is not None:
            self._ticker.start()

    # Ways in

    def transport(self) -> SimulatorTransport:
        """An `httpx.AsyncBaseTransport` that calls this simulator without a socket; asyncio and trio."""
        from upcloud_sdk.simulator.transport import SimulatorTransport  # noqa: PLC0415 - httpx only if asked for

        return SimulatorTransport(self)

    def serve(self, host: str = "127.0.0.1", port: int = 0) -> AbstractContextManager[str]:
        """A real HTTP server in a thread; gives its URL. Port 0 is any free one."""
        from upcloud_sdk.simulator.http_server import serve  # noqa: PLC0415 - starlette and uvicorn only if asked for

        return serve(self, host, port)

    # Faults

    def fail(
        self,
        pattern: str,
        *,
        status: int | None = None,
        code: str | None = None,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        after_effect: bool = False,
        times: int | None = 1,
        drop: bool = False,
        delay: float | None = None,
        timeout: bool = False,
        truncate: int | None = None,
        skip: int = 0,
        rate: float | None = None,
    ) -> None:
        """Let calls fail that match `pattern`: a method and a path, as `POST /server`, `GET /server/*`, `*`.

        Args:
            pattern: `*` is anything, `{uuid}` one part of a path.
            status: The answer's status instead of the API's; without `code` or `body`, a proxy's HTML page.
            code: The API's error code.
            body: The answer's body.
            headers: More headers for it.
            after_effect: The call has its effect first: the server exists, the answer is lost.
            times: How many calls fail; None is all of them.
            drop: The connection dies without an answer.
            delay: Hold the call for so many seconds of the clock.
            timeout: The answer never comes; the client must give up.
            truncate: The connection dies after so many bytes of the body.
            skip: Let so many matching calls pass before.
            rate: Only this share of them fails, at random.
        """
        nothing = status is None and body is None and code is None and truncate is None and delay is None
        if nothing and not drop and not timeout:
            raise ValueError("say what shall go wrong: status, code, body, drop, delay, timeout or truncate")
        raw = body.encode() if isinstance(body, str) else body
        if code is not None and status is None:
            raise ValueError("an error code needs its status")
        fault = Fault(
            pattern,
            status,
            code,
            raw,
            headers or {},
            after_effect,
            times,
            drop,
            delay,
            timeout,
            truncate,
            skip,
            rate,
        )
        with self.lock:
            self.faults.add(fault)

    def count(self, pattern: str) -> int:
        """How many requests came in that match a pattern such as `POST /server`."""
        regex = call_pattern(pattern)
        return sum(regex.fullmatch(f"{r.method} {r.path.partition('?')[0]}") is not None for r in self.requests)

    # One call

    def exchange(
        self, method: str, target: str, headers: Mapping[str, str], content: bytes = b""
    ) -> Generator[float, None, Delivery]:
        """Answer one request. Yields until when, on the API's clock, the caller must wait in between."""
        call = Call.parse(method, target, headers, content)
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
            answer = yield from self._answered(call)
        if fault.timeout:
            yield FOREVER
            return None
        if fault.delay is not None:
            yield self.clock.now() + fault.delay
        if fault.drop:
            return None
        if fault.status is not None or fault.body is not None:
            return fault.answer()
        if answer is None:
            answer = yield from self._answered(call)
        answer.headers |= fault.headers
        return answer

    def _answered(self, call: Call) -> Generator[float, None, Answer]:
        with self.lock:
            result = self._handle(call)
        if isinstance(result, Answer):
            return result
        if self.clock.real_seconds(1) is not None and result.seconds > 0:
            yield self.clock.now() + result.seconds
        with self.lock:
            self.settle()
            return result.then()

    def _handle(self, call: Call) -> Answer | Pause:
        """The API's own answer. The lock is held."""
        try:
            self.settle()
            self.access.check(call.headers)
            call.path, api = _below_version(call.path)
            route = (_API if api else _ROOT).find(call)
            assert route.handler is not None
            return route.handler(self, call)
        except ApiFault as fault:
            return fault.answer()
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
            route = _ROOT.find(call)
        except ApiFault:
            return None
        with self.lock:
            return route.sink(self, call) if route.sink is not None else None


def _below_version(path: str) -> tuple[str, bool]:
    """The path below /1.3, and whether it is of the API at all."""
    first, _, rest = path[1:].partition("/")
    if first == VERSION:
        return f"/{rest}", True
    return path, False
