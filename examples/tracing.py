"""OpenTelemetry spans from the events of a client: for each request, each wait, and the life of each server.

python -m examples.tracing        prints the spans of one server of the simulator
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anyio
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.trace import StatusCode

from examples.fleet import spec_for
from upcloud_sdk import Token, UpCloud, WaitPolicy
from upcloud_sdk.events import Event, RequestEvent, ServerEvent, WaitEvent
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer


class Spans:
    """An `on_event` that makes spans. Events come at the end of an operation, so each span gets its own start time."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._lives: dict[str, Span] = {}

    def listen(self, event: Event) -> None:
        match event:
            case RequestEvent():
                span = self._past(f"{event.method} {event.path}", event.seconds)
                span.set_attribute("http.response.status_code", event.status or 0)
                if event.status is None or event.status >= 400:
                    span.set_status(StatusCode.ERROR, event.problem)
                span.end()
            case WaitEvent():
                span = self._past(event.what, event.seconds)
                span.set_attribute("outcome", event.outcome)
                span.end()
            case ServerEvent():
                self._life(event)
            case _:
                pass

    def _past(self, name: str, seconds: float) -> Span:
        return self._tracer.start_span(name, start_time=time.time_ns() - int(seconds * 1e9))

    def _life(self, event: ServerEvent) -> None:
        span = self._lives.get(event.uuid)
        if span is None:
            span = self._lives[event.uuid] = self._tracer.start_span(f"server {event.title or event.uuid}")
        span.add_event(event.state if event.happened == "seen" and event.state else event.happened)
        if event.happened in {"destroyed", "not destroyed"}:
            self._lives.pop(event.uuid).end()


async def main() -> None:
    """Trace the life of one server."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
    spans = Spans(provider.get_tracer("upcloud_sdk"))
    sim = Simulator(boot_seconds=0.2, stop_seconds=0.1)
    waits = WaitPolicy(first_read_after=0.05, pause=0.05)
    async with UpCloud(Token("ucat_any"), transport=sim.transport(), waits=waits, on_event=spans.listen) as cloud:
        debian = await cloud.storages.find_template("Debian GNU/Linux 12 (Bookworm)")
        async with cloud.servers.ephemeral(spec_for("traced", debian.uuid)):
            pass
    provider.shutdown()


if __name__ == "__main__":
    anyio.run(main)
