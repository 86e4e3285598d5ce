"""Field types shared by several requests, with their rules."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from upcloud_sdk._wire import BareLabels, Words, WrappedLabels, at_most, like

if TYPE_CHECKING:
    from collections.abc import Mapping

Tier = Annotated[Literal["maxiops", "standard", "hdd"], Words()]
Title = Annotated[str, Field(min_length=1, max_length=255)]
_WITH_UNIT = re.compile(r"\s*(\d+)\s*(?:g|gb|gib)\s*", re.IGNORECASE)


def _refuse_unit(value: object) -> object:
    found = _WITH_UNIT.fullmatch(value) if isinstance(value, str) else None
    if found:
        raise ValueError(f"size is a number of GB: write size={found[1]}")
    return value


Size = Annotated[int, Field(ge=1), at_most(4096, "GB"), BeforeValidator(_refuse_unit)]
"""Size in GB, 1 to 4096."""

_HOSTNAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*\.?")


def _check_hostname(name: str) -> str:
    if _HOSTNAME.fullmatch(name) is None:
        hint = " (`_` is not allowed: use `-`)" if "_" in name else ""
        raise ValueError(f"not a host name: letters, digits, `-` and `.` only{hint}")
    return name


Hostname = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_check_hostname)]


def check_labels(labels: Mapping[str, str]) -> Mapping[str, str]:
    """Check labels: keys of 2 to 32 printable ASCII characters that do not start with `_`, values up to 255."""
    for key, value in labels.items():
        if not (2 <= len(key) <= 32 and key.isascii() and key.isprintable()):
            raise ValueError("a label's key has 2 to 32 printable ASCII characters")
        if key.startswith("_"):
            raise ValueError(f"label {key!r}: keys that start with `_` are reserved for the API")
        if len(value) > 255:
            raise ValueError(f"label {key!r}: a value has at most 255 characters")
    return labels


CheckedBareLabels = Annotated[BareLabels, AfterValidator(check_labels)]
"""Checked labels of a request, as a plain list."""

CheckedWrappedLabels = Annotated[WrappedLabels, AfterValidator(check_labels)]
"""Checked labels of a request, inside `{"label": [...]}`."""

BootOrder = Annotated[
    str, like(r"(disk|cdrom|network)(,(disk|cdrom|network))*", "disk, cdrom or network, or several with commas")
]
"""Boot devices, separated by commas."""

SimpleBackup = Annotated[
    str,
    like(r"no|([01]\d|2[0-3])[0-5]\d,(daily|dailies|weeklies|monthlies)", "`no`, or such as 0430,dailies"),
]
"""`no`, or `HHMM,plan` such as `0430,dailies`."""

TimeOfDay = Annotated[str, Field(pattern=r"^([01]\d|2[0-3])[0-5]\d$")]
"""`hhmm`, UTC."""
