"""Creates a resource exactly once. After a lost answer, it is found by the attempt id in its label or its title.

A create with unknown outcome is never sent again: it may have succeeded.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar, cast

from pydantic import Field

from upcloud_sdk._background import Unwanted
from upcloud_sdk._identity import new_attempt, run_id
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
from upcloud_sdk.models.ownership import ATTEMPT, Ownership
from upcloud_sdk.resources._base import label_params
from upcloud_sdk.resources._delete import delete_storage, send_delete
from upcloud_sdk.resources._paging import whole_list

if TYPE_CHECKING:
    from collections.abc import Callable

    from upcloud_sdk._background import Operation
    from upcloud_sdk._wire import Envelope
    from upcloud_sdk.resources._base import Core, ResourceKind

log = logging.getLogger("upcloud_sdk")

T = TypeVar("T")

SEARCH_TIMEOUT = 15.0
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


@dataclass(kw_only=True, eq=False, repr=False)
class OneCreate(Generic[T]):
    """One create: the request, and how to find its result after a lost answer."""

    core: Core
    kind: ResourceKind
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
    """For a copy: the path of the request. It takes no labels, so the document has a title like no other."""

    def __post_init__(self) -> None:
        self._path, self._what = self.source or self.kind.path, self.kind.key
        self._label = f"{ATTEMPT}={self.attempt}"
        self._sent = False
        self._unreadable: UnexpectedAnswer | None = None

    async def post_create(self, operation: Operation[Any]) -> tuple[T, Literal["created", "adopted"]]:
        """Create the resource, or find it after a lost answer, in this task of the client.

        Raises:
            OutcomeUnknown: No answer came, and nothing was found. The client keeps searching, and removes a late one.
            UnexpectedAnswer: It was created, but the answer cannot be read. `uuid` is its uuid.
        """
        body = {self.kind.key: self.document}
        try:
            made = await self.core.transport.call(
                "POST",
                self._path,
                self.read,
                json=body,
                timeout=self.timeout,
                on_send=partial(self._about_to_send, operation),
            )
        except Exception as error:
            if not self._sent or _made_nothing(error):
                raise
            log.warning("POST %s: outcome unknown (%s); looking for %s", self._path, error, self._label)
            return await self._adopt(error), "adopted"
        return made, "created"

    def _about_to_send(self, operation: Operation[Any]) -> None:
        if operation.is_abandoned:
            raise Unwanted
        if not self._sent:
            self._sent = True
            operation.what = f"create of {self._what} with label {self._label}"
            operation.work, operation.repeatable = self._resume, True

    async def _resume(self, _: Operation[Any]) -> T:
        """Continue if asyncio cancels all tasks at the end of its loop: the create may have succeeded."""
        return await self._adopt(UnexpectedAnswer(f"POST {self._path}", self._what, "", "it was interrupted"))

    async def _adopt(self, cause: Exception) -> T:
        for pause in self.core.waits.search_pauses:
            await self.core.waits.clock.sleep(pause)
            made = await self._adopt_if_found()
            if made is not None:
                return made
        if self._unreadable is not None:
            # It exists, and the caller gets its uuid. Do not delete it because of an unreadable answer.
            raise self._unreadable
        # If it appears later, nobody holds it.
        what = f"search for the {self._what} of a lost create, label {self._label}"
        self.core.background.start_owned(self._remove_if_late, what, repeatable=True)
        problem = (
            f"the create got no usable answer, and no {self._what} with label {self._label} was found; "
            f"if it appears in the next {self.core.waits.search_timeout:g} s, it is destroyed ({cause})"
        )
        raise OutcomeUnknown(f"POST {self._path}", problem, label=self._label) from cause

    async def _adopt_if_found(self) -> T | None:
        """Find and read the created resource. None if it was not found, for any reason."""
        uuid: str | None = None
        with self.core.waits.clock.limit(SEARCH_TIMEOUT):
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
        kind, transport = self.kind, self.core.transport
        read = many(_Labelled, kind.many, kind.key, is_lenient=True)
        if self.source is not None:
            copies = await whole_list(transport, f"{kind.path}/private", read)
            return next((each.uuid for each in copies if each.title == self.document["title"]), None)
        found = await whole_list(transport, kind.path, read, label_params({ATTEMPT: self.attempt}))
        # The filter may return other resources by mistake.
        return next((each.uuid for each in found if each.labels.get(ATTEMPT) == self.attempt), None)

    async def _get(self, uuid: str) -> T:
        return await self.core.transport.call("GET", f"{self.kind.path}/{uuid}", self.read)

    async def _remove_if_late(self, _: Operation[Any]) -> None:
        """Delete the resource if it appears late.

        Raises:
            CleanupFailed: The API did not answer for two hours.
        """
        waits, clock = self.core.waits, self.core.waits.clock
        ends, gives_up = clock.now() + waits.search_timeout, clock.now() + UNHELD_TIMEOUT
        for pause in waits.pauses():
            uuid, was_seen = None, False
            with clock.limit(SEARCH_TIMEOUT):
                try:
                    uuid = await self._find()
                    was_seen = True
                except UpCloudError as error:
                    log.debug("still looking for %s: %s", self._label, error)
            if uuid is not None:
                log.warning("%s %s of an abandoned create has appeared: destroying it", self._what, uuid)
                await self._tell_late(uuid)
                self.remove(uuid)
                return
            # Without an answer nothing is known, so try until there is one.
            if clock.now() >= ends and was_seen:
                return
            if clock.now() >= gives_up:
                raise CleanupFailed("", f"there may be a {self._what} with label {self._label} without a holder")
            await clock.sleep(max(pause, 1.0))

    async def _tell_late(self, uuid: str) -> None:
        if self.on_late is None:
            return
        with self.core.waits.clock.limit(SEARCH_TIMEOUT):
            try:
                late = await self._get(uuid)
            except UpCloudError as error:
                log.debug("%s %s of an abandoned create cannot be read: %s", self._what, uuid, error)
            else:
                tell_late(self.on_late, late)


async def create_labelled(
    core: Core, kind: ResourceKind, document: Mapping[str, Any], read: Envelope[M], *, timeout: float | None = None
) -> M:
    """Create a resource with the SDK's labels, exactly once. If the caller is cancelled, the client deletes it.

    Raises:
        OutcomeUnknown: No answer came, and nothing was found. The client keeps searching, and deletes a late one.
    """
    ours = Ownership(core.owner, run_id(), new_attempt())
    labelled = with_labels(document, ours.labels(), wrapped=kind.wraps_labels)
    return await create_owned(core, kind, labelled, read, attempt=str(ours.attempt), timeout=timeout)


async def create_owned(
    core: Core,
    kind: ResourceKind,
    document: Document,
    read: Envelope[M],
    *,
    attempt: str,
    timeout: float | None = None,
    source: str | None = None,
    on_made: Callable[[M], None] | None = None,
) -> M:
    """The same, for a document that has the attempt id: in its labels or, with a `source`, in its title.

    `on_made` is called with the resource, also if the caller is cancelled.
    """

    def remove(uuid: str) -> None:
        what = f"delete of {kind.key} {uuid}"
        try:
            core.background.start_owned(lambda _: _delete_unheld(core, kind, uuid), what, uuid=uuid, repeatable=True)
        except NotOpen:
            log.error("%s: the client is closed; it may still cost money", what)  # noqa: TRY400 - no trace needed

    create = OneCreate(
        core=core, kind=kind, document=document, attempt=attempt, read=read, remove=remove, timeout=timeout,
        source=source,
    )  # fmt: skip

    async def post(operation: Operation[Any]) -> M:
        made, _ = await create.post_create(operation)
        if on_made is not None:
            on_made(made)
        return made

    return await core.background.run_owned(post, f"create of {kind.key}", on_cancel=lambda made: remove(made.uuid))


async def _delete_unheld(core: Core, kind: ResourceKind, uuid: str) -> None:
    """Delete a resource without a holder.

    Raises:
        CleanupFailed: It could not be deleted in two hours.
    """
    transport, clock = core.transport, core.waits.clock
    ends, path = clock.now() + UNHELD_TIMEOUT, f"{kind.path}/{uuid}"
    problem: UpCloudError | None = None
    for pause in core.waits.pauses():
        try:
            if kind.before_delete is not None:
                await transport.send("PATCH", path, json={kind.key: kind.before_delete})
            await (delete_storage(transport, uuid) if kind.is_copied else send_delete(transport, path))
        except NotFound:
            return
        except UpCloudError as error:
            # It may be incomplete, or the API may not answer.
            problem = error
        else:
            return
        if clock.now() >= ends or isinstance(problem, NotOpen):
            break
        await clock.sleep(min(max(pause, 1.0), LONGEST_PAUSE))
    raise CleanupFailed(uuid, f"{kind.key} {uuid} has no holder and could not be deleted: {problem}")


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
