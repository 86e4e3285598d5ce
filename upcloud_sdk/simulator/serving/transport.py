"""An httpx transport for clients in the same process."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import anyio
import anyio.lowlevel
import httpx

from upcloud_sdk.simulator.serving.dispatch import Delivery
from upcloud_sdk.simulator.serving.exchange import next_step, run_exchange

if TYPE_CHECKING:
    from upcloud_sdk.simulator.serving.dispatch import Dispatch
    from upcloud_sdk.simulator.wire.calls import Sink


class SimulatorTransport(httpx.AsyncBaseTransport):
    """Answers requests for any host with a simulator."""

    def __init__(self, simulator: Dispatch) -> None:
        self._simulator = simulator

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises the same errors as a real transport: `ReadTimeout`, `ReadError`, `RemoteProtocolError`."""
        target = request.url.raw_path.decode("ascii")
        headers = {name.lower(): value for name, value in request.headers.items()}
        sink = self._simulator.sink(request.method, target, headers)
        if sink is not None:
            return await self._upload(sink, request)
        content = await request.aread()
        limits = cast("dict[str, float | None]", request.extensions.get("timeout", {}))
        limit = limits.get("read")
        exchange = self._simulator.exchange(request.method, target, headers, content)
        held = next_step(exchange)
        if isinstance(held, Delivery):
            await anyio.lowlevel.checkpoint()
            return _response(held, request)
        with anyio.move_on_after(math.inf if limit is None else limit):
            return _response(await run_exchange(exchange, held, self._simulator.clock), request)
        raise httpx.ReadTimeout(f"no answer within {limit} s", request=request)

    async def _upload(self, sink: Sink, request: httpx.Request) -> httpx.Response:
        finished = False
        try:
            async for chunk in cast("httpx.AsyncByteStream", request.stream):
                sink.write(chunk)
            finished = True
        finally:
            if not finished:
                sink.abort()
        answer = sink.finish()
        delivery = Delivery(0, {}, b"", dropped=True) if answer is None else self._simulator.packed(answer)
        return _response(delivery, request)


def _response(delivery: Delivery, request: httpx.Request) -> httpx.Response:
    if delivery.dropped:
        raise httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)
    if delivery.truncated:
        raise httpx.RemoteProtocolError("peer closed connection without sending complete message body", request=request)
    return httpx.Response(delivery.status, headers=delivery.headers, content=delivery.body, request=request)
