"""The metrics of a process's servers for Prometheus. Names follow its rules: `upcloud_`, base units, `_total`.

Counters and histograms begin with the process. Needs the extra `prometheus`.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from upcloud_sdk.billing import HOUR
from upcloud_sdk.ci.record.life import Life
from upcloud_sdk.ci.web._prometheus import (
    CollectorRegistry,
    Counter,
    CounterMetricFamily,
    GaugeMetricFamily,
    Histogram,
    generate_latest,
)
from upcloud_sdk.events import LeaseEvent, RequestEvent, Retry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from upcloud_sdk.ci.record.record import ServerRecord
    from upcloud_sdk.ci.web._prometheus import Metric
    from upcloud_sdk.events import Event

SECONDS = (1.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 1200.0, 3600.0)
"""Upper bounds of the histograms' buckets."""
WHERE = ("zone", "plan")
TIMES = {
    "paid": "Server time that is paid: started hours.",
    "used": "Server time that builds held.",
    "idle": "Server time that is paid and that no build held; the rest of an hour when its server is gone.",
}

_REASONS = (
    ("create_timeout=", "create_timeout"),
    ("attach_timeout=", "attach_timeout"),
    ("to be started: not within", "boot_timeout"),
    ("was cancelled", "cancelled"),
    ("cannot be rendered", "not_rendered"),
    (" is gone", "server_gone"),
    ("is in state", "server_stopped"),
    ("budget", "budget"),
    ("max_servers", "max_servers"),
    ("no template", "no_template"),
)
_OTHER = "other"
_REPEATED = ("none", "409", "429", "500", "502", "503", "504")
"""HTTP statuses after which a request may be repeated."""
_CODE = re.compile(r"\((\w+), HTTP \d{3}\)")
_MOST_CALLS = 1000


def reason_of(error: str) -> str:
    """The kind of a failure: the API's code in lower case, one of a few words, or `other`."""
    code = _CODE.search(error)
    if code is not None:
        return code[1].lower()
    return next((reason for sign, reason in _REASONS if sign in error), _OTHER)


class Metrics:
    """Counts the events of servers."""

    def __init__(self, up: Mapping[str, ServerRecord]) -> None:
        """`up`: the records of the servers that are not gone. Read at each scrape."""
        self.registry = registry = CollectorRegistry()
        registry.register(_Scraped(up, self))
        self.left: tuple[int, int] | None = None
        """Servers and disks that nobody holds, from the last lists."""
        self.paid: dict[str, float] = dict.fromkeys(("paid", "used", "idle"), 0.0)
        """Paid and used seconds of servers that are gone."""

        def counter(name: str, documentation: str, *labels: str) -> Counter:
            return Counter(f"upcloud_{name}", documentation, labels, registry=registry)

        def histogram(name: str, documentation: str, *labels: str) -> Histogram:
            return Histogram(f"upcloud_{name}_seconds", documentation, labels, registry=registry, buckets=SECONDS)

        self._creates = counter("creates_total", "Servers that were created.", *WHERE)
        self._adoptions = counter(
            "adoptions_total", "Servers found by their label, because the answer to their create was lost."
        )
        self._failures = counter("failures_total", "Servers and starts that failed, by reason.", "reason")
        self._reaped = counter("reaped_total", "Servers and disks that the reaper destroyed.")
        self._requests = counter("requests_total", "Requests to the API, by the status of its answer.", "status")
        self._repeats = counter("repeats_total", "Requests that were repeated, by the status of the answer.", "status")
        self._queue = histogram("queue", "From a build's request until it took a server, or requested one.")
        self._boot = histogram("boot", "From the create of a server until it was started.", *WHERE)
        self._attach = histogram("attach", "From the create of a server until its worker attached.", *WHERE)
        self._destroy = histogram("destroy", "From the start of a destroy until the server was gone.", *WHERE)
        self._statuses: dict[str, str] = {}
        # Prometheus notices an increase only if it has read the series before.
        for reason in (*(reason for _, reason in _REASONS), _OTHER):
            self._failures.labels(reason)
        for status in _REPEATED:
            self._repeats.labels(status)

    def scrape(self) -> bytes:
        """The metrics in the format of Prometheus."""
        return generate_latest(self.registry)

    def hear_record(self, record: ServerRecord, event: str) -> None:
        """Count an event of a server."""
        where = (record.zone, record.plan)
        if event == "made":
            self._creates.labels(*where).inc()
            if record.adopted:
                self._adoptions.inc()
        elif event == "failed":
            self._failures.labels(reason_of(record.error or "")).inc()
        elif event == "started":
            _observe(self._boot.labels(*where), record.seconds("asked", "started"))
        elif event == "attached":
            _observe(self._attach.labels(*where), record.seconds("asked", "attached"))
        elif event == "build began" and record.builds:
            _observe(self._queue, record.builds[-1].queued)
        elif event == "gone":
            if record.stopping is not None:
                _observe(self._destroy.labels(*where), record.seconds("stopping", "gone"))
            for kind, seconds in _seconds_of(record, is_up=False).items():
                self.paid[kind] += seconds

    def hear_event(self, event: Event) -> None:
        """Count an event of a client. Called on the client's thread: prometheus-client locks."""
        if isinstance(event, RequestEvent):
            status = "none" if event.status is None else str(event.status)
            self._requests.labels(status).inc()
            if len(self._statuses) > _MOST_CALLS:
                self._statuses.clear()
            self._statuses[f"{event.method} {event.path}"] = status
        elif isinstance(event, Retry):
            self._repeats.labels(self._statuses.pop(event.call, "none")).inc()
        elif isinstance(event, LeaseEvent) and event.happened == "reaped":
            self._reaped.inc()


def _observe(histogram: Any, seconds: float | None) -> None:  # noqa: ANN401 - a histogram, or one of its children
    if seconds is not None:
        histogram.observe(max(0.0, seconds))


def _seconds_of(record: ServerRecord, *, is_up: bool) -> dict[str, float]:
    """Paid and used seconds of one server. Unused paid time is idle when it has passed, or the server is gone."""
    life = Life(record, time.time(), is_up)
    if not life.hours:
        return {"paid": 0.0, "used": 0.0, "idle": 0.0}
    paid, used = life.hours * HOUR, sum(ended - began for began, ended in life.held)
    passed = max(0.0, life.end - life.created) if is_up else paid
    return {"paid": paid, "used": used, "idle": max(0.0, passed - used)}


class _Scraped:
    """Calculated at each scrape. Counters never go back."""

    def __init__(self, up: Mapping[str, ServerRecord], metrics: Metrics) -> None:
        self._up, self._metrics = up, metrics
        self._said = dict.fromkeys(TIMES, 0.0)

    def collect(self) -> Iterable[Metric]:
        """The metric families."""
        records = list(self._up.values())
        yield from self._gauges(records)
        yield from self._times(records)

    def _gauges(self, records: list[ServerRecord]) -> Iterator[Metric]:
        servers = GaugeMetricFamily(
            "upcloud_servers", "Running servers of this master.", labels=("state", "worker", *WHERE)
        )
        money = GaugeMetricFamily("upcloud_hourly_cost", "Cost per hour of the running servers.", labels=("currency",))
        counts: dict[tuple[str, str, str, str], int] = {}
        hourly: dict[str, float] = {}
        unpriced = 0
        for record in records:
            key = (record.state, record.worker, record.zone, record.plan)
            counts[key] = counts.get(key, 0) + 1
            if record.uuid is None:
                continue
            if record.hourly is None:
                unpriced += 1
            else:
                currency = record.currency or ""
                hourly[currency] = hourly.get(currency, 0.0) + float(record.hourly)
        for where, count in counts.items():
            servers.add_metric(where, count)
        for currency, amount in hourly.items():
            money.add_metric((currency,), amount)
        unknown = GaugeMetricFamily(
            "upcloud_unpriced_servers", "Running servers of this master whose price is not known."
        )
        unknown.add_metric((), unpriced)
        yield from (servers, money, unknown)
        if self._metrics.left is not None:
            for kind, count in zip(("servers", "disks"), self._metrics.left, strict=True):
                left = GaugeMetricFamily(
                    f"upcloud_left_{kind}", f"{kind.capitalize()} with this SDK's labels and without a holder."
                )
                left.add_metric((), count)
                yield left

    def _times(self, records: list[ServerRecord]) -> Iterator[Metric]:
        sums = dict(self._metrics.paid)
        for record in records:
            for kind, seconds in _seconds_of(record, is_up=True).items():
                sums[kind] += seconds
        for kind, documentation in TIMES.items():
            # If the clock jumps back, it must not look like a restart of the master.
            self._said[kind] = max(self._said[kind], sums[kind])
            family = CounterMetricFamily(f"upcloud_{kind}_seconds", documentation)
            family.add_metric((), self._said[kind])
            yield family
