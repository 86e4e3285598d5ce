"""Words by which a caller says what becomes of a server, its disks and their backups, checked before they are sent."""

from __future__ import annotations

from typing import Literal, TypeVar, get_args

from upcloud_sdk._wire import OpenEnum

StopType = Literal["soft", "hard"]
"""The guest is asked to shut down, or switched off."""

TimeoutAction = Literal["destroy", "ignore"]
"""A guest that has not shut down in time is switched off, or left alone."""

BackupPolicy = Literal["keep", "keep_latest", "delete"]
"""What becomes of the backups of a disk that goes."""

StoragePolicy = Literal["created", "all", "none"]
"""Which disks go with a server: those made with it, all, or none."""


S = TypeVar("S", bound=OpenEnum)


def awaited_state(state: str, kind: type[S], what: str) -> S:
    """A state that can be waited for.

    Raises:
        ValueError: this release knows no such state: a wait for it would only end by its timeout.
    """
    wanted = kind(state)
    if not wanted.is_known:
        raise ValueError(f"no {what} is ever {str(state)!r}: the states there are, are {', '.join(kind)}")
    return wanted


def check_word(word: object, kind: object, what: str) -> None:
    """Refuse a word that is none of a kind: a misspelt one must not destroy what was to be kept.

    Raises:
        ValueError: it is none of them.
    """
    if word not in get_args(kind):
        raise ValueError(f"{what} is {word!r}: it is one of {', '.join(get_args(kind))}")
