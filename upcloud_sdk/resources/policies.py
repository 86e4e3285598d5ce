"""Allowed values for options of stop and delete, and the checks for them."""

from __future__ import annotations

from typing import Literal, TypeVar, get_args

from upcloud_sdk._wire import OpenEnum

StartType = Literal["sync", "async"]
StopType = Literal["soft", "hard"]
"""`soft`: the guest shuts down. `hard`: it is switched off."""

TimeoutAction = Literal["destroy", "ignore"]
"""If the guest does not shut down in time: `destroy` switches it off, `ignore` does nothing."""

BackupPolicy = Literal["keep", "keep_latest", "delete"]
"""What happens to the backups of a deleted disk."""

StoragePolicy = Literal["created", "all", "none"]
"""Which disks to delete with a server: those created with it, all, or none."""


S = TypeVar("S", bound=OpenEnum)


def awaited_state(state: str, kind: type[S], what: str) -> S:
    """Check a state to wait for.

    Raises:
        ValueError: The state is not known. A wait for it would only end by its timeout.
    """
    wanted = kind(state)
    if not wanted.is_known:
        raise ValueError(f"{str(state)!r} is not a state of a {what}: write one of {', '.join(kind)}")
    return wanted


def check_word(word: object, kind: object, what: str) -> None:
    """Check an option: a misspelt value must not delete something that should be kept.

    Raises:
        ValueError: The value is not allowed.
    """
    if word not in get_args(kind):
        raise ValueError(f"{what} is {word!r}: write one of {', '.join(get_args(kind))}")
