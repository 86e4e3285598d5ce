"""Labels that stand by themselves."""

from __future__ import annotations

from upcloud_sdk._wire import Envelope, Resource


class Label(Resource):
    """A key with its value."""

    key: str
    value: str = ""


LABEL = Envelope(Label)
LABELS: Envelope[tuple[Label, ...]] = Envelope(tuple[Label, ...])
