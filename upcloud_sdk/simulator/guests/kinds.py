"""Kinds of guests by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from upcloud_sdk.simulator.state.guest_backend import NoGuests

if TYPE_CHECKING:
    from upcloud_sdk.simulator.state.guest_backend import Guests

GuestKind = Literal["none", "process", "vm"]


def make_guests(kind: str) -> Guests:
    """Make the backend with this name, with default arguments.

    Raises:
        ValueError: There is no such backend.
        RuntimeError: It does not work on this machine.
    """
    if kind == "none":
        return NoGuests()
    if kind == "process":
        from upcloud_sdk.simulator.guests.process import ProcessGuests  # noqa: PLC0415 - only if it is used

        return ProcessGuests()
    if kind == "vm":
        from upcloud_sdk.simulator.guests.machine import VmGuests  # noqa: PLC0415 - the same

        return VmGuests()
    raise ValueError(f'guests must be "none", "process" or "vm", not "{kind}"')
