"""Serves the simulator over HTTP, with starlette and uvicorn."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import anyio
import uvicorn
from starlette.requests import ClientDisconnect, Request

from upcloud_sdk.simulator.serving.connections import BACKLOG, AcceptErrors, Protocol, most_connections
from upcloud_sdk.simulator.serving.dispatch import Delivery
from upcloud_sdk.simulator.serving.exchange import next_step, run_exchange
from upcloud_sdk.simulator.serving.gate import Gate
from upcloud_sdk.simulator.wire.calls import ApiFault

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from starlette.types import Receive, Scope, Send

    from upcloud_sdk.simulator.serving.dispatch import Dispatch
    from upcloud_sdk.simulator.wire.calls import Sink

_START_SECONDS, _STOP_SECONDS = 10.0, 10.0
MOST_IN_MEMORY = 64 * 1024 * 1024
"""Bytes of all request bodies that are kept in memory at a time. Uploads are not kept."""
_TOO_LARGE = ApiFault(413, "REQUEST_TOO_LARGE", f"More than {MOST_IN_MEMORY} bytes of requests would be in memory.")


class Application:
    """The ASGI application. Checks the host, then the credentials, and only then reads the body."""

    def __init__(self, simulator: Dispatch, gate: Gate) -> None:
        self._simulator, self._gate = simulator, gate
        self._holding: set[anyio.CancelScope] = set()
        self._in_memory = 0

    def close_held(self) -> None:
        """Close the connections of held calls, because the server ends."""
        for scope in self._holding:
            scope.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        raw_path = cast("bytes", scope.get("raw_path") or scope["path"].encode())
        query = cast("bytes", scope["query_string"])
        target = (raw_path.partition(b"?")[0] + (b"?" + query if query else b"")).decode("latin-1")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        upload = self._simulator.is_upload(request.method, target)
        refusal = self._gate.refusal(request.method, headers, upload=upload)
        if refusal is not None:
            await _send(send, self._simulator.packed(refusal))
            return
        sink = self._simulator.sink(request.method, target, headers) if upload else None
        if sink is not None:
            await self._upload(sink, request, send)
            return
        refused = self._simulator.refused(request.method, target, headers)
        if refused is not None:
            await _send(send, refused)
            return
        content = bytearray()
        try:
            async for chunk in request.stream():
                content += chunk
                self._in_memory += len(chunk)
                if self._in_memory > MOST_IN_MEMORY:
                    await _send(send, self._simulator.packed(_TOO_LARGE.answer()))
                    return
            origin = f"{scope['scheme']}://{headers.get('host', '')}"
            exchange = self._simulator.exchange(request.method, target, headers, bytes(content), origin)
            await self._deliver(exchange, request, send)
        except ClientDisconnect:
            return
        finally:
            self._in_memory -= len(content)

    async def _deliver(self, exchange: Generator[float, None, Delivery], request: Request, send: Send) -> None:
        held = next_step(exchange)
        delivery = held if isinstance(held, Delivery) else await self._held(exchange, held, request.receive)
        if delivery is None:
            return
        if not delivery.dropped:
            await _send(send, delivery)
        if delivery.dropped or delivery.truncated:
            await _cut(request.scope, request.receive)

    async def _upload(self, sink: Sink, request: Request, send: Send) -> None:
        try:
            async for chunk in request.stream():
                sink.write(chunk)
        except ClientDisconnect:
            sink.abort()
            return
        answer = sink.finish()
        if answer is None:
            await _cut(request.scope, request.receive)
        else:
            await _send(send, self._simulator.packed(answer))

    async def _held(self, exchange: Generator[float, None, Delivery], held: float, receive: Receive) -> Delivery | None:
        """The answer to a blocking call. Dropped if the server ends. None if the client gives up first."""
        delivery: Delivery | None = Delivery(0, {}, b"", dropped=True)
        async with anyio.create_task_group() as group:

            async def watch() -> None:
                nonlocal delivery
                while (await receive())["type"] != "http.disconnect":
                    pass
                delivery = None
                group.cancel_scope.cancel()

            self._holding.add(group.cancel_scope)
            group.start_soon(watch)
            delivery = await run_exchange(exchange, held, self._simulator.clock)
            group.cancel_scope.cancel()
        self._holding.discard(group.cancel_scope)
        return delivery


async def _send(send: Send, delivery: Delivery) -> None:
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in delivery.headers.items()]
    await send({"type": "http.response.start", "status": delivery.status, "headers": headers})
    await send({"type": "http.response.body", "body": delivery.body, "more_body": delivery.truncated})


async def _cut(scope: Scope, receive: Receive) -> None:
    """Close the connection, and wait until uvicorn notices."""
    connection = cast("asyncio.Transport", scope["state"]["connection"])
    connection.close()
    while (await receive())["type"] != "http.disconnect":
        pass


class _Server(uvicorn.Server):
    """A server in a thread, without signal handlers."""

    def __init__(self, config: uvicorn.Config, application: Application) -> None:
        super().__init__(config)
        self._application = application

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(AcceptErrors())
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._application.close_held()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError if the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Name the protocol, so that asyncio disables Nagle's algorithm. Otherwise each request takes 40 ms more.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(512)
    except OSError:
        listener.close()
        raise
    return listener


@contextmanager
def serve(
    simulator: Dispatch,
    host: str,
    port: int,
    *,
    hosts: Iterable[str],
    guarded: bool,
    began: Callable[[], None],
    ended: Callable[[], None],
) -> Generator[str]:
    """See `Simulator.serve`. `began` is called when the server accepts calls, `ended` when it does not any more."""
    listener = listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    application = Application(simulator, Gate(shown, hosts, json_only=guarded))
    config = uvicorn.Config(
        application,
        http=Protocol,
        backlog=BACKLOG,
        limit_concurrency=most_connections(),
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        date_header=False,
        server_header=False,
        timeout_keep_alive=120,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config, application)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, name="upcloud-simulator-http", daemon=True
    )
    thread.start()
    began()
    try:
        _wait_until_started(server, thread)
        yield f"http://{shown}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=_STOP_SECONDS)
        listener.close()
        ended()


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    pause = threading.Event()
    for _ in range(int(_START_SECONDS / 0.005)):
        if server.started:
            return
        if not thread.is_alive():
            break
        pause.wait(0.005)
    raise RuntimeError("the simulator's HTTP server did not start; its log says why")
