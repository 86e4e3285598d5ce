"""The metrics for Prometheus."""

from __future__ import annotations

import importlib
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from upcloud_sdk.ci import BuildChange, Phase, RecordedBuild, RecordedServer, ServerChange, View
from upcloud_sdk.ci.record.claims import Refused
from upcloud_sdk.ci.web.metrics import Metrics, reason_of
from upcloud_sdk.events import LeaseEvent, RequestEvent, Retry

START = datetime.now(UTC) - timedelta(hours=2)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def record(**values: Any) -> RecordedServer:  # noqa: ANN401 - of all kinds
    """A server that was requested, created, and started after 20 s."""
    key = values.get("id", "a")
    defaults: dict[str, Any] = {
        "id": key,
        "uuid": "00f4",
        "phase": Phase.BUILDING,
        "worker": "linux",
        "zone": "fi-hel1",
        "plan": "1xCPU",
        "hourly": 25_000,
        "currency": "EUR",
        "asked": at(0),
        "created": at(0),
        "started": at(1 / 3),
        "attached": at(1),
        "seen": at(1),
        "builds": (
            RecordedBuild(server=key, build="1", builder="all", number=1, began=at(0), ended=at(30), queued=4.0),
        ),
    }
    return RecordedServer(**{**defaults, **values})


def metrics_of(*servers: RecordedServer) -> Metrics:
    """The metrics while these servers are up."""
    view = View(servers=servers, own=frozenset(server.id for server in servers))
    return Metrics(lambda: view)


def told(metrics: Metrics) -> dict[str, float]:
    """The samples, as Prometheus' own parser reads them."""
    parser = importlib.import_module("prometheus_client.parser")
    families = parser.text_string_to_metric_families(metrics.scrape().decode())
    return {
        sample.name + "".join(f",{key}={value}" for key, value in sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def change(minutes: float, phase: Phase | None = None, **facts: Any) -> ServerChange:  # noqa: ANN401 - of all kinds
    return ServerChange(id="a", at=at(minutes), phase=phase, **facts)


def a_life(metrics: Metrics) -> None:
    """Report the changes of a server from its claim to its end."""
    for each in (
        change(0, Phase.ASKED, worker="linux", zone="fi-hel1", plan="1xCPU"),
        change(0.1, Phase.MADE, uuid="00f4", created=at(0)),
        BuildChange(server="a", build="1", at=at(0), began=at(0), queued=4.0),
        change(1 / 3, Phase.STARTED),
        change(1, Phase.ATTACHED),
        BuildChange(server="a", build="1", at=at(30), ended=at(30)),
        change(40, error="x is in state 'error'"),
        change(50, Phase.STOPPING),
        change(50.1, Phase.GONE),
        BuildChange(server="a", build="1", at=at(51), result="success"),
    ):
        metrics.hear(each)


def test_servers_are_told_by_state_worker_zone_and_plan_and_what_an_hour_costs() -> None:
    found = told(metrics_of(record(), record(id="b", phase=Phase.MADE), record(id="c", uuid=None, phase=Phase.ASKED)))
    assert found["upcloud_servers,plan=1xCPU,state=building,worker=linux,zone=fi-hel1"] == 1
    assert sum(value for name, value in found.items() if name.startswith("upcloud_servers,")) == 3
    assert found["upcloud_hourly_cost,currency=EUR"] == pytest.approx(0.05)
    assert found["upcloud_unpriced_servers"] == 0


def test_a_server_whose_price_is_not_known_is_counted_and_adds_nothing_to_the_costs() -> None:
    found = told(metrics_of(record(), record(id="b", hourly=None)))
    assert found["upcloud_hourly_cost,currency=EUR"] == pytest.approx(0.025)
    assert found["upcloud_unpriced_servers"] == 1


def test_the_limit_that_builds_wait_for_is_told() -> None:
    metrics = metrics_of()
    limits = ("max_servers", "per_hour", "per_month", "price", "record")
    names = [f"upcloud_limit_reached,limit={limit}" for limit in limits]
    assert [told(metrics)[name] for name in names] == [0, 0, 0, 0, 0]
    metrics.refused = lambda: Refused(limit="per_month")
    assert [told(metrics)[name] for name in names] == [0, 0, 1, 0, 0]
    metrics.refused = lambda: Refused(limit="price")
    assert [told(metrics)[name] for name in names] == [0, 0, 0, 1, 0]


def test_a_server_that_was_never_asked_for_is_a_failure_and_no_destroy() -> None:
    metrics = metrics_of()
    metrics.hear(change(0, Phase.ASKED, error="the arguments cannot be rendered: x"))
    metrics.hear(change(0, Phase.GONE))
    found = told(metrics)
    assert found["upcloud_failures_total,reason=not_rendered"] == 1
    assert not any(name.startswith("upcloud_destroy_seconds") for name in found)


def test_a_life_is_counted_once_in_each_histogram() -> None:
    metrics = metrics_of()
    a_life(metrics)
    found = told(metrics)
    where = ",plan=1xCPU,zone=fi-hel1"
    assert found[f"upcloud_creates_total{where}"] == 1
    assert found["upcloud_queue_seconds_sum"] == 4
    assert found[f"upcloud_boot_seconds_sum{where}"] == pytest.approx(20)
    assert found[f"upcloud_attach_seconds_sum{where}"] == pytest.approx(60)
    assert found[f"upcloud_destroy_seconds_sum{where}"] == pytest.approx(6)
    assert found["upcloud_failures_total,reason=server_stopped"] == 1


def test_paid_time_is_used_time_and_idle_time_when_a_server_is_gone() -> None:
    metrics = metrics_of()
    a_life(metrics)
    found = told(metrics)
    assert found["upcloud_paid_seconds_total"] == 3600
    assert found["upcloud_used_seconds_total"] == pytest.approx(1800)
    assert found["upcloud_idle_seconds_total"] == pytest.approx(1800)


def test_times_never_count_backwards() -> None:
    views = [record(), record(asked=at(60), created=at(60), builds=())]  # as after a clock that jumped
    metrics = Metrics(lambda: View(servers=(views[0],), own=frozenset("a")))
    before = told(metrics)
    del views[0]
    after = told(metrics)
    for kind in ("paid", "used", "idle"):
        assert after[f"upcloud_{kind}_seconds_total"] >= before[f"upcloud_{kind}_seconds_total"]


def test_a_create_whose_answer_was_lost_counts_as_an_adoption() -> None:
    metrics = metrics_of()
    metrics.hear(change(0, Phase.ASKED))
    metrics.hear(change(0, Phase.MADE, uuid="00f4", adopted=True))
    metrics.hear(change(1, uuid="00f4", adopted=True))
    assert told(metrics)["upcloud_adoptions_total"] == 1


def test_requests_and_repeats_are_told_by_the_status_of_the_answer() -> None:
    metrics = metrics_of()
    for status in (200, 503, None):
        metrics.hear_event(RequestEvent(at=0, method="GET", path="/server", status=status, seconds=0.1))
        if status != 200:
            metrics.hear_event(Retry(at=0, call="GET /server", attempt=1, reason="it failed", pause=1))
    found = told(metrics)
    assert found["upcloud_requests_total,status=200"] == found["upcloud_requests_total,status=503"] == 1
    assert found["upcloud_repeats_total,status=503"] == found["upcloud_repeats_total,status=none"] == 1


def test_reaped_servers_and_disks_are_counted() -> None:
    metrics = metrics_of()
    metrics.hear_event(LeaseEvent(at=0, uuid="00f4", happened="reaped"))
    metrics.hear_event(LeaseEvent(at=0, uuid="00f4", happened="renewed"))
    assert told(metrics)["upcloud_reaped_total"] == 1


def test_what_is_left_over_has_its_age() -> None:
    metrics = metrics_of()
    assert not any("left" in name for name in told(metrics))
    metrics.left, metrics.listed = (1, 2), time.time() - 100
    found = told(metrics)
    assert (found["upcloud_left_servers"], found["upcloud_left_disks"]) == (1, 2)
    assert found["upcloud_left_age_seconds"] >= 100


def test_a_record_that_cannot_be_written_is_told_with_what_waits_and_what_was_lost() -> None:
    metrics = metrics_of()
    assert told(metrics)["upcloud_record_up"] == 1
    metrics.record = lambda: (False, 7, 3)
    found = told(metrics)
    assert [found[f"upcloud_record_{name}"] for name in ("up", "waiting", "lost")] == [0, 7, 3]


def test_failures_and_repeats_begin_at_zero_so_that_the_first_is_an_increase() -> None:
    found = told(metrics_of())
    assert found["upcloud_failures_total,reason=boot_timeout"] == 0
    assert found["upcloud_repeats_total,status=503"] == 0


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("POST /server: no room (SERVER_RESOURCES_UNAVAILABLE, HTTP 409)", "server_resources_unavailable"),
        ("server 00f4 to be started: not within 300 s", "boot_timeout"),
        ("the worker on server 00f4 has not attached within attach_timeout=600 s", "attach_timeout"),
        ("no template has the title 'Woody'", "no_template"),
        ("something else", "other"),
    ],
)
def test_failures_have_few_reasons(error: str, reason: str) -> None:
    assert reason_of(error) == reason


def test_names_follow_the_rules_of_prometheus() -> None:
    metrics = metrics_of()
    a_life(metrics)
    parser = importlib.import_module("prometheus_client.parser")
    for family in parser.text_string_to_metric_families(metrics.scrape().decode()):
        assert family.name.startswith("upcloud_")
        assert family.documentation.endswith(".")
        assert re.fullmatch(r"[a-z_]+", family.name)
        assert not re.search(r"(minutes|hours|milli|percent)", family.name)
        assert (
            all(sample.name.endswith(("_total", "_created")) for sample in family.samples) or family.type != "counter"
        )
