"""The dashboard for Grafana uses exactly the existing metrics."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.ci.web.test_metrics import a_life, metrics_of, record, told
from upcloud_sdk.buildbot.www import application

DASHBOARD = Path(application.__file__).with_name("static") / "grafana.json"


def queries() -> list[str]:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def test_the_dashboard_uses_exactly_the_existing_metrics() -> None:
    metrics = metrics_of(record(id="b"))
    metrics.left, metrics.listed = (0, 0), 0.0
    a_life(metrics)
    labels: dict[str, set[str]] = {}
    for name in told(metrics):
        base, *pairs = name.split(",")
        labels.setdefault(base, set()).update(pair.partition("=")[0] for pair in pairs)
    asked: set[str] = set()
    for query in queries():
        names = set(re.findall(r"upcloud_\w+", query))
        assert names <= labels.keys() | {"upcloud_requests_total", "upcloud_repeats_total"}, query
        assert query.count("(") == query.count(")")
        for by in re.findall(r"by \(([^)]*)\)", query):
            [name] = names
            known = labels.get(name, {"status"}) | {"le"}
            assert set(by.split(", ")) <= known, query
        asked |= names
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in labels}
    assert families - {re.sub(r"_bucket$", "", name) for name in asked} == set()


def test_the_dashboard_says_where_its_panels_stand() -> None:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    assert all(panel["title"] and panel["gridPos"]["w"] <= 24 for panel in dashboard["panels"])
    assert {each["name"] for each in dashboard["templating"]["list"]} == {"datasource", "job"}
