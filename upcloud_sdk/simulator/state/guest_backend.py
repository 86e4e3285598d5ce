"""The interface of guests, which run inside simulated servers."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast, runtime_checkable

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
    """The disk that a server boots from: the chosen one, or the first."""
    disks = (device for device in devices if device.type == "disk")
    return min(disks, key=lambda device: device.boot_disk != "1", default=None)


class Guests(Protocol):
    """A backend of guests. It is called with the simulator's lock held, so it must not block."""

    def start(self, server: Server) -> None:
        """The server has reached `started`."""
        ...

    def stop(self, uuid: str, *, hard: bool) -> None:
        """Power the guest off (`hard`), or ask it to shut down. Does nothing if it does not run."""
        ...

    def is_running(self, uuid: str) -> bool:
        """Whether a soft stop still has to wait for the guest."""
        ...

    def poll(self) -> Iterable[str]:
        """The servers whose guests have powered themselves off since the last poll."""
        ...

    def forget(self, uuid: str) -> None:
        """The server is deleted: remove all data of its guest."""
        ...

    def console(self, uuid: str) -> Path | None:
        """The file with the guest's console output. None if there is none."""
        ...

    def close(self) -> None:
        """End all guests."""
        ...


@runtime_checkable
class LimitedGuests(Guests, Protocol):
    """A backend that needs the account, and that can refuse servers."""

    def open(self, cloud: AccountState) -> None:
        """Get the account. Called once, before all other methods."""
        ...

    def admit(self, server: Server, disk: Storage | None) -> None:
        """Check a server before it is created or started from this disk or a clone of it.

        Raises:
            ApiFault: No guest can run in it.
        """
        ...


@runtime_checkable
class DiskGuests(Guests, Protocol):
    """A backend whose guests have disks with contents."""

    def copy_disk(self, source: Storage, copy: Storage) -> None:
        """Copy the current contents of a storage to a new one."""
        ...


_POWERS_OFF = re.compile(
    r"^power_state:[ \t]*\n(?:[ \t]+.*\n)*?[ \t]+mode:[ \t]*[\"']?(?:poweroff|halt)\b", re.MULTILINE
)


def powers_itself_off(server: Server) -> bool:
    """Whether the server's cloud-config switches it off at the end (`power_state`)."""
    text = server.user_data
    if server.metadata != "yes" or not text.startswith("#cloud-config"):
        return False
    try:
        document: Any = json.loads(text.partition("\n")[2])
    except ValueError:
        return _POWERS_OFF.search(text) is not None
    ends: Any = cast("dict[str, Any]", document).get("power_state") if isinstance(document, dict) else None
    return isinstance(ends, dict) and cast("dict[str, Any]", ends).get("mode") in {"poweroff", "halt"}


class NoGuests:
    """No guests: servers are only records. They stop on request, or by `power_state` of their cloud-config."""

    runs_cloud_config = False

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
