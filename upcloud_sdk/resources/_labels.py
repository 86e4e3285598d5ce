"""Labels as separate resources."""

from __future__ import annotations

from upcloud_sdk._wire import Envelope, Resource


class Label(Resource):
    """Key and value of a label."""

    key: str
    value: str = ""


LABEL = Envelope(Label)
LABELS: Envelope[tuple[Label, ...]] = Envelope(tuple[Label, ...])
