"""Exactly one thing for each create, even if the answer is lost: it is found again by the attempt on its label.

A create of unknown outcome is never sent again: it may have had its effect.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, Protocol, TypeVar, cast

from pydantic import Field

from upcloud_sdk._background import Unwanted
from upcloud_sdk._wire import ReadableLabels, Resource, many
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
from upcloud_sdk.fleet.identity import new_attempt, run_id
from upcloud_sdk.models.ownership import ATTEMPT, OWN_LABELS, Ownership
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
"""Seconds that one look for what a lost answer left may take, so that a dead API fails in bounded time."""


UNHELD_TIMEOUT = 7200.0
"""Seconds for which the clean-up of what nobody holds is tried: an outage of an hour must not leave it behind."""

LONGEST_PAUSE = 30.0
"""Seconds between such tries at most."""


class Made(Protocol):
    """What a create answers."""

    @property
    def uuid(self) -> str: ...


M = TypeVar("M", bound=Made)


class _Labelled(Resource):
    uuid: str
    labels: ReadableLabels = Field(default_factory=dict)


class Creation(NamedTuple, Generic[T]):
    """One create: what is sent, and how it is found again."""

    kind: Makeable
    document: Mapping[str, Any]
    attempt: str
    """What the document has on the label ATTEMPT."""
    read: Envelope[T]
    remove: Callable[[str], None]
    """Starts the removal of what nobody holds, given its uuid, in a task of its own."""
    timeout: float | None = None


class Creator:
    """Creates what has labels, each exactly once."""

    def __init__(self, transport: Transport, background: Background, waits: WaitPolicy, owner: str) -> None:
        self._transport, self._background, self._waits, self._owner = transport, background, waits, owner

    async def create(
        self, kind: Makeable, document: Mapping[str, Any], read: Envelope[M], *, timeout: float | None = None
    ) -> M:
        """What was made. A caller that is cancelled has nothing: the client deletes what the create makes.

        Raises:
            OutcomeUnknown: no answer came, and nothing was found; the client looks on, and deletes what turns up.
        """

        def remove(uuid: str) -> None:
            what = f"delete of {kind.key} {uuid}"
            try:
                self._background.start(lambda: self._delete(kind, uuid), what, uuid=uuid, repeatable=True)
            except NotOpen:
                log.error("%s: the client is closed; it may still cost money", what)  # noqa: TRY400 - no trace needed

        ours = Ownership(self._owner, run_id(), new_attempt())
        labelled = with_labels(document, ours.labels(), wrapped=kind.wraps_labels)
        creation = Creation(
            kind=kind, document=labelled, attempt=str(ours.attempt), read=read, remove=remove, timeout=timeout
        )

        async def make() -> M:
            return (await create_once(self._transport, self._background, self._waits, creation))[0]

        return await self._background.run(make, f"create of {kind.key}", on_cancel=lambda made: remove(made.uuid))

    async def _delete(self, kind: Makeable, uuid: str) -> None:
        """Delete what nobody holds.

        Raises:
            CleanupFailed: it was not possible in two hours.
        """
        ends = self._waits.clock.now() + UNHELD_TIMEOUT
        problem: UpCloudError | None = None
        for pause in self._waits.pauses():
            try:
                await self._transport.send("DELETE", f"{kind.path}/{uuid}")
            except NotFound:
                return
            except UpCloudError as error:
                # It may still be in the making, or the API may be out of reach.
                problem = error
            else:
                return
            if self._waits.clock.now() >= ends or isinstance(problem, NotOpen):
                break
            await self._waits.clock.sleep(min(max(pause, 1.0), LONGEST_PAUSE))
        raise CleanupFailed(uuid, f"{kind.key} {uuid}, which nobody holds, could not be deleted: {problem}")


async def create_once(
    transport: Transport, background: Background, waits: WaitPolicy, creation: Creation[T]
) -> tuple[T, Literal["created", "adopted"]]:
    """What was created, or adopted where the answer was lost. To be run in a task that the client owns.

    Raises:
        OutcomeUnknown: no answer came, and nothing was found; the client looks on, and removes what turns up.
        UnexpectedAnswer: it was made, and what the API says of it cannot be read; `uuid` tells which it is.
    """
    return await _Attempt(transport, background, waits, creation).run()


class _Attempt(Generic[T]):
    def __init__(self, transport: Transport, background: Background, waits: WaitPolicy, creation: Creation[T]) -> None:
        self._transport, self._background, self._waits, self._creation = transport, background, waits, creation
        self._path, self._what = creation.kind.path, creation.kind.key
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
        """Go on where asyncio cancels all tasks to end its loop: the create may have had its effect."""
        return await self._adopt(UnexpectedAnswer(f"POST {self._path}", self._what, "", "it was interrupted"))

    async def _adopt(self, cause: Exception) -> T:
        for pause in self._waits.look_for_create:
            await self._waits.clock.sleep(pause)
            made = await self._adopt_if_found()
            if made is not None:
                return made
        if self._unreadable is not None:
            # It is there, and the caller is told its uuid: an answer that is odd must not cost it.
            raise self._unreadable
        # Nobody holds what turns up from here on.
        what = f"looking for the {self._what} of a lost create, label {self._label}"
        self._background.start(self._watch_for_latecomer, what, repeatable=True)
        problem = (
            f"the create got no usable answer, and no {self._what} with label {self._label} could be taken over; "
            f"what turns up in the next {self._waits.look_on:g} s is destroyed ({cause})"
        )
        raise OutcomeUnknown(f"POST {self._path}", problem, label=self._label) from cause

    async def _adopt_if_found(self) -> T | None:
        """What the create made, in full; None if there is none to be seen, for whatever reason."""
        uuid: str | None = None
        with self._waits.clock.limit(LOOK_TIMEOUT):
            try:
                uuid = await self._find()
                if uuid is not None:
                    return await self._transport.call("GET", f"{self._path}/{uuid}", self._creation.read)
            except UnexpectedAnswer as error:
                self._note(error, uuid)
            except UpCloudError as error:
                log.debug("looking for %s: %s", self._label, error)
        return None

    def _note(self, error: UnexpectedAnswer, uuid: str | None) -> None:
        log.debug("looking for %s: %s", self._label, error)
        if uuid is not None:
            error.uuid = uuid
            error.add_note(f"the {self._what} {uuid} was made and is left as it is")
            self._unreadable = error

    async def _find(self) -> str | None:
        attempt, kind = self._creation.attempt, self._creation.kind
        read = many(_Labelled, kind.many, kind.key)
        found = await whole_list(self._transport, kind.path, read, label_params({ATTEMPT: attempt}))
        # What the filter let through by mistake is not ours.
        return next((each.uuid for each in found if each.labels.get(ATTEMPT) == attempt), None)

    async def _watch_for_latecomer(self) -> None:
        """Remove what turns up after all.

        Raises:
            CleanupFailed: for two hours, nobody could be asked whether there is anything.
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
                    log.debug("looking on for %s: %s", self._label, error)
            if uuid is not None:
                log.warning("%s %s of a create that had been given up turned up: destroying it", self._what, uuid)
                self._creation.remove(uuid)
                return
            # An API that does not answer says nothing of what there is: it is asked until it does.
            if clock.now() >= ends and was_seen:
                return
            if clock.now() >= gives_up:
                raise CleanupFailed("", f"there may be a {self._what} with label {self._label} that nobody holds")
            await clock.sleep(max(pause, 1.0))


def _made_nothing(error: Exception) -> bool:
    """Whether a create that failed so certainly had no effect: the API refused it, or it never left."""
    if isinstance(error, Unwanted | NotSent):
        return True
    return isinstance(error, ApiError) and not isinstance(error, ServerFault)


def with_labels(document: Mapping[str, Any], ours: Mapping[str, str], *, wrapped: bool) -> dict[str, Any]:
    """A document of a create with our labels beside those of the caller."""
    given: Any = document.get("labels") or ()
    if isinstance(given, Mapping):
        given = cast("Mapping[str, Any]", given).get("label", ())
    pairs = {pair["key"]: pair["value"] for pair in given}
    pairs = {key: value for key, value in pairs.items() if key not in OWN_LABELS} | dict(ours)
    written = [{"key": key, "value": value} for key, value in pairs.items()]
    return {**document, "labels": {"label": written} if wrapped else written}
