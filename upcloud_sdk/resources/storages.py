"""Storages."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import Literal, get_args

from upcloud_sdk._transport import segment
from upcloud_sdk._wire import many, one
from upcloud_sdk.errors import Ambiguous, NoMatch
from upcloud_sdk.models.storages import Storage, StorageKind, StorageState, StorageSummary, age
from upcloud_sdk.resources._base import Labels, Namespace, endpoint, label_params
from upcloud_sdk.waiting import fails_on_error, poll

_STORAGE = one(Storage, "storage")
_STORAGES = many(StorageSummary, "storages", "storage")

BackupPolicy = Literal["keep", "keep_latest", "delete"]
"""What becomes of the backups of a storage that is deleted."""

Which = str | re.Pattern[str] | Callable[[StorageSummary], bool]
"""A template: by uuid, by its exact title, by an expression that its title matches, or by a function that says yes."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Storages(Namespace):
    """`cloud.storages`. Chapter "Storages" of the API."""

    @endpoint("GET", "/storage/{uuid}")
    async def get(self, uuid: str) -> Storage:
        """A storage in full."""
        return await self._transport.call("GET", f"/storage/{segment(uuid, 'uuid')}", _STORAGE)

    @endpoint("DELETE", "/storage/{uuid}")
    async def delete(self, uuid: str, *, backups: BackupPolicy | None = None) -> None:
        """Delete a storage that is attached to nothing. `backups`: what becomes of its backups; API's default: keep.

        Raises:
            Conflict: it is attached, or in a state that does not allow this.
        """
        params = [] if backups is None else [("backups", backups)]
        await self._transport.send("DELETE", f"/storage/{segment(uuid, 'uuid')}", params=params)

    async def find_template(self, which: Which) -> StorageSummary:
        """The template that `which` means; where an expression or a function fits several, the newest.

        Raises:
            NoMatch: there is none; `candidates` are the titles that come closest.
            Ambiguous: several templates have exactly this title.
        """
        templates = await self.list("template")
        if isinstance(which, str):
            return _exact(which, templates)
        fits = which.search if isinstance(which, re.Pattern) else None
        found = [t for t in templates if (fits(t.title) if fits else which(t))]  # type: ignore[operator]  # no pattern here
        if not found:
            wanted = (
                f"matches {which.pattern!r}" if isinstance(which, re.Pattern) else "is accepted by the function given"
            )
            raise NoMatch(f"no template's title {wanted}", candidates=[t.title for t in templates])
        return max(found, key=_newest)

    async def wait_for_state(self, uuid: str, state: StorageState | str, *, timeout: float) -> Storage:
        """The storage, once it is in this state.

        Raises:
            ResourceFailed: it reached "error".
            NotFound: it is gone.
            WaitTimeout: it was not there within `timeout` seconds.
        """
        wanted = StorageState(state)

        def reached(storage: Storage) -> bool:
            fails_on_error("storage", uuid, storage.state, wanted)
            return storage.state == wanted

        return await poll(
            lambda: self.get(uuid),
            reached,
            policy=self._core.waits,
            timeout=timeout,
            what=f"storage {uuid} to be {wanted}",
        )

    @endpoint("GET", "/storage")
    @endpoint("GET", "/storage/{kind}")
    async def list(
        self, kind: StorageKind | None = None, *, labels: Labels | None = None
    ) -> tuple[StorageSummary, ...]:
        """Storages of a kind, or all, public ones too; with `labels`, those that have all of them."""
        if kind is not None and kind not in get_args(StorageKind):
            raise ValueError(f"{kind!r} is no kind of storage: it is one of {', '.join(get_args(StorageKind))}")
        path = "/storage" if kind is None else f"/storage/{kind}"
        return await self._list(path, _STORAGES, label_params(labels))


def _newest(storage: StorageSummary) -> tuple[float, tuple[int, ...], str]:
    created, uuid = age(storage)
    # Public templates carry no date: of "Debian 12" and "Debian 13" the higher number is the newer.
    numbers = tuple(int(number) for number in re.findall(r"\d+", storage.title))
    return (created.timestamp() if created else 0.0), numbers, uuid


def _exact(which: str, templates: tuple[StorageSummary, ...]) -> StorageSummary:
    found = [template for template in templates if which in {template.uuid, template.title}]
    if len(found) > 1:
        raise Ambiguous(
            f"{len(found)} templates have the title {which!r}: name one by its uuid",
            candidates=[template.uuid for template in found],
        )
    if found:
        return found[0]
    titles = [template.title for template in templates]
    close = get_close_matches(which, titles, n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(repr(title) for title in close)}?" if close else ""
    kind = "uuid" if _UUID.fullmatch(which.lower()) else "title"
    raise NoMatch(
        f"no template has the {kind} {which!r}{hint}",
        candidates=[*close, *(t for t in titles if t not in close)],
    )
