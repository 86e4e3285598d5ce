"""Creates a resource exactly once. After a lost answer, it is found by the attempt id in its label or its title.

A create with unknown outcome is never sent again: it may have succeeded.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, Protocol, TypeVar, cast

from pydantic import Field

from upcloud_sdk._background import Unwanted
from upcloud_sdk._wire import Document, Labels, Resource, many
from upcloud_sdk.errors import (
    ApiError,
    CleanupFailed,
    NotFound,
    NotOpen,
    NotSent,
    OutcomeUnknown,
    ServerFault,
    UnexpectedAnswer,
    UpCloudError,
)
from upcloud_sdk.fleet.destroy.delete import delete_storage, send_delete
from upcloud_sdk.fleet.records.identity import new_attempt, run_id
from upcloud_sdk.models.ownership import ATTEMPT, Ownership
from upcloud_sdk.resources._base import label_params
from upcloud_sdk.resources._paging import whole_list

if TYPE_CHECKING:
    from collections.abc import Callable

    from upcloud_sdk._background import Background
    from upcloud_sdk._transport import Transport
    from upcloud_sdk._wire import Envelope
    from upcloud_sdk.resources._base import Makeable
    from upcloud_sdk.waiting import WaitPolicy

log = logging.getLogger("upcloud_sdk")

T = TypeVar("T")

LOOK_TIMEOUT = 15.0
"""Limit for one search after a lost answer, in seconds."""


UNHELD_TIMEOUT = 7200.0
"""Limit for deleting a resource without a holder, in seconds. Longer than an outage of an hour."""

LONGEST_PAUSE = 30.0
"""The longest pause between such attempts, in seconds."""


class Made(Protocol):
    """The answer to a create."""

    @property
    def uuid(self) -> str: ...


M = TypeVar("M", bound=Made)


class _Labelled(Resource):
    uuid: str
    title: str = ""
    labels: Labels = Field(default_factory=dict)


class Creation(NamedTuple, Generic[T]):
    """One create: the request, and how to find its result after a lost answer."""

    kind: Makeable
    document: Document
    attempt: str
    """The value of the label ATTEMPT in the document."""
    read: Envelope[T]
    remove: Callable[[str], None]
    """Starts a task that deletes a resource without a holder, by its uuid."""
    timeout: float | None = None
    on_late: Callable[[T], None] | None = None
    """Called with a late resource before it is removed."""
    source: str | None = None
    """For a copy: the path of the request. It takes no labels, so the attempt id is in the title of the document."""
    known: Callable[[], frozenset[str]] = frozenset
    """The copies of this attempt that are known: a list may show an older one with the same title."""


class Creator:
    """Creates resources with labels, each exactly once."""

    def __init__(self, transport: Transport, background: Background, waits: WaitPolicy, owner: str) -> None:
        self._transport, self._background, self._waits, self._owner = transport, background, waits, owner

    async def create(
        self, kind: Makeable, document: Mapping[str, Any], read: Envelope[M], *, timeout: float | None = None
    ) -> M:
        """Create a resource and return it. If the caller is cancelled, the client deletes it.

        Raises:
            OutcomeUnknown: No answer came, and nothing was found. The client keeps searching, and deletes a late one.
        """
        ours = Ownership(self._owner, run_id(), new_attempt())
        labelled = with_labels(document, ours.labels(), wrapped=kind.wraps_labels)
        return await self.make(kind, labelled, read, attempt=str(ours.attempt), timeout=timeout)

    async def make(
        self,
        kind: Makeable,
        document: Document,
        read: Envelope[M],
        *,
        attempt: str,
        timeout: float | None = None,
        source: str | None = None,
        known: Callable[[], frozenset[str]] = frozenset,
        on_made: Callable[[M], None] | None = None,
    ) -> M:
        """The same, for a document that has the attempt id: in its labels or, with a `source`, in its title.

        `on_made` is called with the resource, also if the caller is cancelled.
        """

        def remove(uuid: str) -> None:
            what = f"delete of {kind.key} {uuid}"
            try:
                self._background.start(lambda: self._delete(kind, uuid), what, uuid=uuid, repeatable=True)
            except NotOpen:
                log.error("%s: the client is closed; it may still cost money", what)  # noqa: TRY400 - no trace needed

        creation = Creation(
            kind=kind, document=document, attempt=attempt, read=read, remove=remove, timeout=timeout,
            source=source, known=known,
        )  # fmt: skip

        async def make() -> M:
            made, _ = await create_once(self._transport, self._background, self._waits, creation)
            if on_made is not None:
                on_made(made)
            return made

        return await self._background.run(make, f"create of {kind.key}", on_cancel=lambda made: remove(made.uuid))

    async def _delete(self, kind: Makeable, uuid: str) -> None:
        """Delete a resource without a holder.

        Raises:
            CleanupFailed: It could not be deleted in two hours.
        """
        ends = self._waits.clock.now() + UNHELD_TIMEOUT
        problem: UpCloudError | None = None
        path = f"{kind.path}/{uuid}"
        for pause in self._waits.pauses():
            try:
                if kind.before_delete is not None:
                    await self._transport.send("PATCH", path, json={kind.key: kind.before_delete})
                await (delete_storage(self._transport, uuid) if kind.is_copied else send_delete(self._transport, path))
            except NotFound:
                return
            except UpCloudError as error:
                # It may be incomplete, or the API may not answer.
                problem = error
            else:
                return
            if self._waits.clock.now() >= ends or isinstance(problem, NotOpen):
                break
            await self._waits.clock.sleep(min(max(pause, 1.0), LONGEST_PAUSE))
        raise CleanupFailed(uuid, f"{kind.key} {uuid} has no holder and could not be deleted: {problem}")


async def create_once(
    transport: Transport, background: Background, waits: WaitPolicy, creation: Creation[T]
) -> tuple[T, Literal["created", "adopted"]]:
    """Create a resource, or find it after a lost answer. Must run in a task that the client owns.

    Raises:
        OutcomeUnknown: No answer came, and nothing was found. The client keeps searching, and removes a late one.
        UnexpectedAnswer: It was created, but the answer cannot be read. `uuid` is its uuid.
    """
    return await _Attempt(transport, background, waits, creation).run()


class _Attempt(Generic[T]):
    def __init__(self, transport: Transport, background: Background, waits: WaitPolicy, creation: Creation[T]) -> None:
        self._transport, self._background, self._waits, self._creation = transport, background, waits, creation
        self._path, self._what = creation.source or creation.kind.path, creation.kind.key
        self._label = f"{ATTEMPT}={creation.attempt}"
        self._sent = False
        self._unreadable: UnexpectedAnswer | None = None

    async def run(self) -> tuple[T, Literal["created", "adopted"]]:
        new = self._creation
        body = {new.kind.key: new.document}
        try:
            made = await self._transport.call(
                "POST", self._path, new.read, json=body, timeout=new.timeout, on_send=self._about_to_send
            )
        except Exception as error:
            if not self._sent or _made_nothing(error):
                raise
            log.warning("POST %s: outcome unknown (%s); looking for %s", self._path, error, self._label)
            return await self._adopt(error), "adopted"
        return made, "created"

    def _about_to_send(self) -> None:
        if self._background.is_unwanted():
            raise Unwanted
        if not self._sent:
            self._sent = True
            self._background.describe(f"create of {self._what} with label {self._label}")
            self._background.resume_with(self._resume)

    async def _resume(self) -> T:
        """Continue if asyncio cancels all tasks at the end of its loop: the create may have succeeded."""
        return await self._adopt(UnexpectedAnswer(f"POST {self._path}", self._what, "", "it was interrupted"))

    async def _adopt(self, cause: Exception) -> T:
        for pause in self._waits.look_for_create:
            await self._waits.clock.sleep(pause)
            made = await self._adopt_if_found()
            if made is not None:
                return made
        if self._unreadable is not None:
            # It exists, and the caller gets its uuid. Do not delete it because of an unreadable answer.
            raise self._unreadable
        # If it appears later, nobody holds it.
        what = f"search for the {self._what} of a lost create, label {self._label}"
        self._background.start(self._remove_if_late, what, repeatable=True)
        problem = (
            f"the create got no usable answer, and no {self._what} with label {self._label} was found; "
            f"if it appears in the next {self._waits.look_on:g} s, it is destroyed ({cause})"
        )
        raise OutcomeUnknown(f"POST {self._path}", problem, label=self._label) from cause

    async def _adopt_if_found(self) -> T | None:
        """Find and read the created resource. None if it was not found, for any reason."""
        uuid: str | None = None
        with self._waits.clock.limit(LOOK_TIMEOUT):
            try:
                uuid = await self._find()
                if uuid is not None:
                    return await self._get(uuid)
            except UnexpectedAnswer as error:
                self._note(error, uuid)
            except UpCloudError as error:
                log.debug("looking for %s: %s", self._label, error)
        return None

    def _note(self, error: UnexpectedAnswer, uuid: str | None) -> None:
        log.debug("looking for %s: %s", self._label, error)
        if uuid is not None:
            error.uuid = uuid
            error.add_note(f"the {self._what} {uuid} was created and is kept")
            self._unreadable = error

    async def _find(self) -> str | None:
        new, kind = self._creation, self._creation.kind
        read = many(_Labelled, kind.many, kind.key, is_lenient=True)
        if new.source is not None:
            title, known = new.document["title"], new.known()
            copies = await whole_list(self._transport, f"{kind.path}/private", read)
            return next((each.uuid for each in copies if each.title == title and each.uuid not in known), None)
        found = await whole_list(self._transport, kind.path, read, label_params({ATTEMPT: new.attempt}))
        # The filter may return other resources by mistake.
        return next((each.uuid for each in found if each.labels.get(ATTEMPT) == new.attempt), None)

    async def _get(self, uuid: str) -> T:
        return await self._transport.call("GET", f"{self._creation.kind.path}/{uuid}", self._creation.read)

    async def _remove_if_late(self) -> None:
        """Delete the resource if it appears late.

        Raises:
            CleanupFailed: The API did not answer for two hours.
        """
        clock = self._waits.clock
        ends, gives_up = clock.now() + self._waits.look_on, clock.now() + UNHELD_TIMEOUT
        for pause in self._waits.pauses():
            uuid, was_seen = None, False
            with clock.limit(LOOK_TIMEOUT):
                try:
                    uuid = await self._find()
                    was_seen = True
                except UpCloudError as error:
                    log.debug("still looking for %s: %s", self._label, error)
            if uuid is not None:
                log.warning("%s %s of an abandoned create has appeared: destroying it", self._what, uuid)
                await self._tell_late(uuid)
                self._creation.remove(uuid)
                return
            # Without an answer nothing is known, so try until there is one.
            if clock.now() >= ends and was_seen:
                return
            if clock.now() >= gives_up:
                raise CleanupFailed("", f"there may be a {self._what} with label {self._label} without a holder")
            await clock.sleep(max(pause, 1.0))

    async def _tell_late(self, uuid: str) -> None:
        if self._creation.on_late is None:
            return
        with self._waits.clock.limit(LOOK_TIMEOUT):
            try:
                late = await self._get(uuid)
            except UpCloudError as error:
                log.debug("%s %s of an abandoned create cannot be read: %s", self._what, uuid, error)
            else:
                tell_late(self._creation.on_late, late)


def tell_late(on_late: Callable[[T], None], late: T) -> None:
    """Call `on_late`. If it raises, the error is logged."""
    try:
        on_late(late)
    except Exception:
        log.exception("on_late failed")


def _made_nothing(error: Exception) -> bool:
    """Whether a create that failed with this error certainly had no effect: refused by the API, or not sent."""
    if isinstance(error, Unwanted | NotSent):
        return True
    return isinstance(error, ApiError) and not isinstance(error, ServerFault)


def with_labels(document: Mapping[str, Any], ours: Mapping[str, str], *, wrapped: bool) -> Document:
    """The document of a create with the caller's labels and the SDK's. `body_of` has removed copies of SDK labels."""
    given: Any = document.get("labels") or ()
    if isinstance(given, Mapping):
        given = cast("Mapping[str, Any]", given).get("label", ())
    pairs = {pair["key"]: pair["value"] for pair in given} | dict(ours)
    written = [{"key": key, "value": value} for key, value in pairs.items()]
    return Document({**document, "labels": {"label": written} if wrapped else written})
