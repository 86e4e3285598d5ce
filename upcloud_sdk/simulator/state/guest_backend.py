"""What runs inside a simulated server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from upcloud_sdk.simulator.records.records import Server, Storage
    from upcloud_sdk.simulator.state.account_state import AccountState


class _Device(Protocol):
    @property
    def type(self) -> str: ...

    @property
    def boot_disk(self) -> str: ...


D = TypeVar("D", bound=_Device)


def boot_device(devices: Iterable[D]) -> D | None:
    """What a server starts from: the disk that it is told to, or the first."""
    disks = (device for device in devices if device.type == "disk")
    return min(disks, key=lambda device: device.boot_disk != "1", default=None)


class Guests(Protocol):
    """A backend: called with the simulator's lock held, so nothing here may block for long."""

    def start(self, server: Server) -> None:
        """The server has reached `started`."""
        ...

    def stop(self, uuid: str, *, hard: bool) -> None:
        """Power the guest off at once (`hard`), or ask it to shut down. Does nothing if it does not run."""
        ...

    def is_running(self, uuid: str) -> bool:
        """Whether a soft stop still has to wait for the guest."""
        ...

    def poll(self) -> Iterable[str]:
        """The servers whose guests have powered themselves off since the last poll."""
        ...

    def forget(self, uuid: str) -> None:
        """The server is deleted: nothing of its guest is kept."""
        ...

    def console(self, uuid: str) -> Path | None:
        """The file that the guest's console is written to; None if it has none."""
        ...

    def close(self) -> None:
        """End all guests."""
        ...


@runtime_checkable
class LimitedGuests(Guests, Protocol):
    """A backend that looks into the account, and that cannot run whatever is asked for."""

    def open(self, cloud: AccountState) -> None:
        """The account whose servers they are; called once, before anything else."""
        ...

    def admit(self, server: Server, disk: Storage | None) -> None:
        """A server is about to be made or started from this disk, or from a clone of it.

        Raises:
            ApiFault: no guest can run in it.
        """
        ...


class NoGuests:
    """Servers are only records: they stop when they are told to."""

    def start(self, server: Server) -> None:
        pass

    def stop(self, uuid: str, *, hard: bool) -> None:
        pass

    def is_running(self, uuid: str) -> bool:  # noqa: ARG002 - the protocol's signature
        return False

    def poll(self) -> Iterable[str]:
        return ()

    def forget(self, uuid: str) -> None:
        pass

    def console(self, uuid: str) -> Path | None:  # noqa: ARG002 - the protocol's signature
        return None

    def close(self) -> None:
        pass
