"""`help()` of models."""

from __future__ import annotations

import pydoc
import subprocess
import sys

import pytest

from upcloud_sdk.models import Server, ServerSpec


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (
            Server,
            [
                "A server with all details.",
                "memory_amount: int | None = None\n |          MiB.",
                "timezone: str | None = None",
            ],
        ),
        (
            ServerSpec,
            ["A server to create.", "1 to 16 disks and CD-ROMs.", "plan: Annotated[str, "],
        ),
    ],
)
def test_help_shows_the_fields_of_a_model_with_units_and_defaults(model: type[object], expected: list[str]) -> None:
    shown = pydoc.plain(pydoc.render_doc(model))
    assert [text for text in expected if text not in shown] == []


def test_a_model_without_a_source_file_keeps_its_docstring() -> None:
    made = type("Made", (Server,), {"__doc__": "Made up.", "__module__": "nowhere"})
    assert made.__doc__ is not None
    assert made.__doc__.startswith("Made up.\n\nFields:\n    uuid: str\n")


def test_field_docs_are_read_only_on_demand() -> None:
    code = "import sys; from upcloud_sdk.models import Server; print('upcloud_sdk._field_docs' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
