"""The timeline of servers, drawn from events."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from rich.console import Console

from examples.timeline import Timeline
from upcloud_sdk.events import ServerEvent


def one_life() -> Timeline:
    """A server that is requested at 100 and gone at 110."""
    timeline = Timeline()
    timeline.listen(ServerEvent(at=102, uuid="u", happened="created", state="maintenance", title="web", seconds=2))
    timeline.listen(ServerEvent(at=103, uuid="u", happened="seen", state="maintenance"))
    timeline.listen(ServerEvent(at=105, uuid="u", happened="seen", state="started"))
    timeline.listen(ServerEvent(at=109, uuid="u", happened="stopping"))
    timeline.listen(ServerEvent(at=109.5, uuid="u", happened="seen", state="stopped"))
    timeline.listen(ServerEvent(at=110, uuid="u", happened="destroyed"))
    return timeline


def test_a_bar_shows_each_state_until_the_next_one() -> None:
    timeline = one_life()
    assert list(timeline.bars["u"].spans(timeline.now)) == [
        ("create", 100, 102),
        ("maintenance", 102, 105),
        ("started", 105, 109),
        ("stopping", 109, 110),
    ]


def test_a_state_that_is_reported_late_is_inserted_at_its_time() -> None:
    timeline = one_life()
    timeline.bars["u"].enter_between(107, "attached")
    assert timeline.since("u", "attached") == 107
    assert ("attached", 107, 109) in list(timeline.bars["u"].spans(timeline.now))


def test_the_bar_of_a_running_server_ends_at_its_last_event() -> None:
    timeline = one_life()
    timeline.enter("v", 104, "maintenance")
    assert list(timeline.bars["v"].spans(timeline.now)) == [("maintenance", 104, 110)]


def test_the_picture_has_a_bar_for_each_state_as_long_as_it_lasted() -> None:
    bars = {
        title.text: float(rect.attrib["width"])
        for rect in ET.fromstring(one_life().svg()).iter("{http://www.w3.org/2000/svg}rect")
        for title in rect
    }
    assert [*bars] == ["web: create, 2.0 s", "web: maintenance, 3.0 s", "web: started, 4.0 s", "web: stopping, 1.0 s"]
    assert bars["web: started, 4.0 s"] == 2 * bars["web: create, 2.0 s"]


def test_the_terminal_shows_the_same_bars() -> None:
    console = Console(width=100, record=True)
    console.print(one_life().table(width=20))
    shown = console.export_text()
    assert "web" in shown
    assert "10.0 s" in shown
    assert "█" * 20 in shown


def test_an_empty_timeline_can_be_drawn() -> None:
    assert ET.fromstring(Timeline().svg()).tag.endswith("svg")
