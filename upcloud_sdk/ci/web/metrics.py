"""The metrics of a process's servers for Prometheus. Names follow its rules: `upcloud_`, base units, `_total`.

Counters and histograms begin with the process. Needs the extra `prometheus`.
"""

from __future__ import annotations

import re
import time
from threading import Lock
from typing import TYPE_CHECKING

from upcloud_sdk.billing import HOUR
from upcloud_sdk.ci.record.changes import MILLION, ServerChange
from upcloud_sdk.ci.record.life import Life
from upcloud_sdk.ci.record.recorded import RecordedServer
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
    from collections.abc import Callable, Iterable, Iterator

    from upcloud_sdk.ci.record.changes import Change
    from upcloud_sdk.ci.record.claims import Refused
    from upcloud_sdk.ci.record.record import View
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
    ("cannot be rendered", "not_rendered"),
    (" is gone", "server_gone"),
    ("is in state", "server_stopped"),
    ("budget", "budget"),
    ("max_servers", "max_servers"),
    ("no template", "no_template"),
)
_LIMITS = ("max_servers", "per_hour", "per_month", "price", "record")
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
    """Counts the changes of servers."""

    def __init__(self, view: Callable[[], View]) -> None:
        """`view`: the servers that are not gone. Asked for at each scrape."""
        self.registry = registry = CollectorRegistry()
        registry.register(_Scraped(view, self))
        self.record: Callable[[], tuple[bool, int, int]] = lambda: (True, 0, 0)
        """Whether the record can be written, how many changes wait for that, and how many were lost."""
        self.refused: Callable[[], Refused | None] = lambda: None
        """Why builds wait now. None if none does."""
        self.left: tuple[int, int] | None = None
        """Servers and disks of this process's owners that nobody holds, from the last lists."""
        self.listed: float | None = None
        """When these were listed, in seconds since 1970."""
        self._servers: dict[str, RecordedServer] = {}
        self._lock = Lock()
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

    def hear(self, change: Change) -> None:
        """Count a change of a server. Called on any thread."""
        key = change.id if isinstance(change, ServerChange) else change.server
        with self._lock:
            before = self._servers.get(key)
            if before is None and not (isinstance(change, ServerChange) and change.phase is not None):
                return  # It was gone before, or this process has not made it.
            after = RecordedServer.of(change) if before is None else before.after(change)
            if after.is_open:
                self._servers[key] = after
            else:
                self._servers.pop(key, None)
            self._count(before, after)
            for build in after.builds[0 if before is None else len(before.builds) :]:
                if build.queued is not None:
                    self._queue.observe(build.queued)
            if not after.is_open:
                for kind, seconds in _seconds_of(after, time.time()).items():
                    self.paid[kind] += seconds

    def _count(self, before: RecordedServer | None, after: RecordedServer) -> None:
        where = (after.zone, after.plan)

        def is_new(name: str) -> bool:
            return getattr(after, name) is not None and (before is None or getattr(before, name) is None)

        if is_new("uuid"):
            self._creates.labels(*where).inc()
        if after.adopted and not (before is not None and before.adopted):
            self._adoptions.inc()
        if is_new("error"):
            self._failures.labels(reason_of(after.error or "")).inc()
        for name, first, histogram in (
            ("started", "asked", self._boot),
            ("attached", "asked", self._attach),
            ("gone", "stopping", self._destroy),
        ):
            if is_new(name) and (seconds := after.seconds(first, name)) is not None:
                histogram.labels(*where).observe(seconds)

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


def _seconds_of(server: RecordedServer, now: float) -> dict[str, float]:
    """Paid and used seconds of one server. Unused paid time is idle when it has passed, or the server is gone."""
    life = Life(server, now)
    if not life.hours:
        return {"paid": 0.0, "used": 0.0, "idle": 0.0}
    paid, used = life.hours * HOUR, sum(ended - began for began, ended in life.held)
    passed = max(0.0, life.end - (server.created or server.asked).timestamp()) if server.is_open else paid
    return {"paid": paid, "used": used, "idle": max(0.0, passed - used)}


class _Scraped:
    """Calculated at each scrape. Counters never go back."""

    def __init__(self, view: Callable[[], View], metrics: Metrics) -> None:
        self._view, self._metrics = view, metrics
        self._said = dict.fromkeys(TIMES, 0.0)

    def collect(self) -> Iterable[Metric]:
        """The metric families."""
        view = self._view()
        own = [server for server in view.servers if server.id in view.own]
        yield from self._gauges(own)
        yield from self._times(own)

    def _gauges(self, servers: list[RecordedServer]) -> Iterator[Metric]:
        running = GaugeMetricFamily(
            "upcloud_servers", "Running servers of this master.", labels=("state", "worker", *WHERE)
        )
        money = GaugeMetricFamily("upcloud_hourly_cost", "Cost per hour of the running servers.", labels=("currency",))
        counts: dict[tuple[str, str, str, str], int] = {}
        hourly: dict[str, float] = {}
        unpriced = 0
        for server in servers:
            key = (str(server.phase), server.worker, server.zone, server.plan)
            counts[key] = counts.get(key, 0) + 1
            if server.uuid is None:
                continue
            if server.hourly is None:
                unpriced += 1
            else:
                currency = server.currency or ""
                hourly[currency] = hourly.get(currency, 0.0) + server.hourly / MILLION
        for where, count in counts.items():
            running.add_metric(where, count)
        for currency, amount in hourly.items():
            money.add_metric((currency,), amount)
        yield from (running, money)
        yield _gauge("unpriced_servers", "Running servers of this master whose price is not known.", unpriced)
        refused = self._metrics.refused()
        reached = GaugeMetricFamily(
            "upcloud_limit_reached",
            "Whether builds of this master wait, because this limit has no room.",
            labels=("limit",),
        )
        for limit in _LIMITS:
            reached.add_metric((limit,), int(refused is not None and refused.limit == limit))
        yield reached
        yield from self._left()
        is_good, waiting, lost = self._metrics.record()
        yield _gauge("record_up", "Whether the record can be written.", int(is_good))
        yield _gauge("record_waiting", "Changes in memory that wait until the record can be written.", waiting)
        yield _gauge("record_lost", "Changes that were lost while the record could not be written.", lost)

    def _left(self) -> Iterator[Metric]:
        if self._metrics.left is None or self._metrics.listed is None:
            return
        for kind, count in zip(("servers", "disks"), self._metrics.left, strict=True):
            text = f"{kind.capitalize()} of this master's owner without a holder, when they were last listed."
            yield _gauge(f"left_{kind}", text, count)
        yield _gauge(
            "left_age_seconds", "Seconds since they were listed.", max(0.0, time.time() - self._metrics.listed)
        )

    def _times(self, servers: list[RecordedServer]) -> Iterator[Metric]:
        sums, now = dict(self._metrics.paid), time.time()
        for server in servers:
            for kind, seconds in _seconds_of(server, now).items():
                sums[kind] += seconds
        for kind, documentation in TIMES.items():
            # If the clock jumps back, it must not look like a restart of the master.
            self._said[kind] = max(self._said[kind], sums[kind])
            family = CounterMetricFamily(f"upcloud_{kind}_seconds", documentation)
            family.add_metric((), self._said[kind])
            yield family


def _gauge(name: str, documentation: str, value: float) -> Metric:
    family = GaugeMetricFamily(f"upcloud_{name}", documentation)
    family.add_metric((), value)
    return family
