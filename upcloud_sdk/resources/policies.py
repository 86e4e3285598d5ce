"""Words by which a caller says what becomes of a server, its disks and their backups, checked before they are sent."""

from __future__ import annotations

from typing import Literal, get_args

StopType = Literal["soft", "hard"]
"""The guest is asked to shut down, or switched off."""

TimeoutAction = Literal["destroy", "ignore"]
"""A guest that has not shut down in time is switched off, or left alone."""

BackupPolicy = Literal["keep", "keep_latest", "delete"]
"""What becomes of the backups of a disk that goes."""

StoragePolicy = Literal["created", "all", "none"]
"""Which disks go with a server: those made with it, all, or none."""


def check_word(word: object, kind: object, what: str) -> None:
    """Refuse a word that is none of a kind: a misspelt one must not destroy what was to be kept.

    Raises:
        ValueError: it is none of them.
    """
    if word not in get_args(kind):
        raise ValueError(f"{what} is {word!r}: it is one of {', '.join(get_args(kind))}")
