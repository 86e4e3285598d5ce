"""The parts of prometheus-client that the metrics use. It is an extra that may not be installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Protocol, Self

    class Metric:
        name: str
        type: str

        def add_metric(self, labels: Sequence[str], value: float) -> None: ...

    class Collector(Protocol):
        def collect(self) -> Iterable[Metric]: ...

    class CollectorRegistry:
        def register(self, collector: Collector) -> None: ...

    class Counter:
        def __init__(
            self, name: str, documentation: str, labelnames: Iterable[str] = ..., *, registry: CollectorRegistry
        ) -> None: ...
        def labels(self, *values: str) -> Self: ...
        def inc(self) -> None: ...

    class Histogram:
        def __init__(
            self,
            name: str,
            documentation: str,
            labelnames: Iterable[str] = ...,
            *,
            registry: CollectorRegistry,
            buckets: Sequence[float],
        ) -> None: ...
        def labels(self, *values: str) -> Self: ...
        def observe(self, amount: float) -> None: ...

    class GaugeMetricFamily(Metric):
        def __init__(self, name: str, documentation: str, *, labels: Sequence[str] = ...) -> None: ...

    class CounterMetricFamily(Metric):
        def __init__(self, name: str, documentation: str, *, labels: Sequence[str] = ...) -> None: ...

    def generate_latest(registry: CollectorRegistry) -> bytes: ...

    CONTENT_TYPE: str

else:
    from prometheus_client import CONTENT_TYPE_LATEST as CONTENT_TYPE
    from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

__all__ = [
    "CONTENT_TYPE",
    "CollectorRegistry",
    "Counter",
    "CounterMetricFamily",
    "GaugeMetricFamily",
    "Histogram",
    "generate_latest",
]
