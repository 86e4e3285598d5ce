"""What has labels, beside servers, is made once: a lost answer is found again by the label of its attempt."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from upcloud_sdk._wire import Labels, Resource, many
from upcloud_sdk.errors import OutcomeUnknown, ServerFault, TransportError, UnexpectedAnswer, UpCloudError
from upcloud_sdk.fleet.identity import new_attempt, run_id
from upcloud_sdk.models.ownership import ATTEMPT, Ownership

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upcloud_sdk._background import Background
    from upcloud_sdk._transport import Transport
    from upcloud_sdk._wire import Envelope
    from upcloud_sdk.resources._base import Makeable
    from upcloud_sdk.waiting import WaitPolicy

log = logging.getLogger("upcloud_sdk")

LOST = (OutcomeUnknown, ServerFault, UnexpectedAnswer)
"""After these what was asked for may be there."""

LOOK_TIMEOUT = 15.0
"""Seconds that one look for what a lost answer left may take, so that a dead API fails in bounded time."""


class Made(Protocol):
    """What a create answers."""

    @property
    def uuid(self) -> str: ...


M = TypeVar("M", bound=Made)


class _Labelled(Resource):
    uuid: str
    labels: Labels


class Once:
    """Sends creates, each once."""

    def __init__(self, transport: Transport, background: Background, waits: WaitPolicy, owner: str) -> None:
        self._transport, self._background, self._waits, self._owner = transport, background, waits, owner

    async def create(
        self, kind: Makeable, document: Mapping[str, Any], read: Envelope[M], *, timeout: float | None = None
    ) -> M:
        """What was made. A caller that is cancelled has nothing: the client deletes what the create makes.

        Raises:
            OutcomeUnknown: no answer came, and nothing with the label of the attempt was found.
        """

        async def delete(made: M) -> None:
            await self._transport.send("DELETE", f"{kind.path}/{made.uuid}")

        return await self._background.run(
            lambda: self._create(kind, document, read, timeout), f"create at {kind.path}", abandoned=delete
        )

    async def _create(self, kind: Makeable, document: Mapping[str, Any], read: Envelope[M], timeout: float | None) -> M:
        attempt = new_attempt()
        ours = Ownership(self._owner, run_id(), attempt).labels()
        body = {kind.key: with_labels(document, ours, wrapped=kind.wraps_labels)}
        try:
            return await self._transport.call("POST", kind.path, read, json=body, timeout=timeout)
        except LOST as error:
            log.warning("POST %s: outcome unknown (%s); looking for %s=%s", kind.path, error, ATTEMPT, attempt)
            found = await self._find(kind, attempt)
            if found is not None:
                return await self._transport.call("GET", f"{kind.path}/{found}", read)
            label = f"{ATTEMPT}={attempt}"
            problem = f"the create got no usable answer, and nothing with label {label} has turned up ({error})"
            raise OutcomeUnknown(f"POST {kind.path}", problem, label=label) from error

    async def _find(self, kind: Makeable, attempt: str) -> str | None:
        read = many(_Labelled, kind.many, kind.key)
        params = [("label", f"{ATTEMPT}={attempt}")]
        for pause in self._waits.look_for_create:
            await self._waits.clock.sleep(pause)
            try:
                with self._waits.clock.limit(LOOK_TIMEOUT):
                    for each in await self._transport.call("GET", kind.path, read, params=params):
                        if each.labels.get(ATTEMPT) == attempt:
                            return each.uuid
            except (TransportError, UpCloudError) as error:
                log.debug("looking for %s: %s", attempt, error)
        return None


def with_labels(document: Mapping[str, Any], ours: Mapping[str, str], *, wrapped: bool) -> dict[str, Any]:
    """A document of a create with our labels beside those of the caller."""
    given = document.get("labels", {"label": []} if wrapped else [])
    pairs = {pair["key"]: pair["value"] for pair in (given["label"] if wrapped else given)} | dict(ours)
    written = [{"key": key, "value": value} for key, value in pairs.items()]
    return {**document, "labels": {"label": written} if wrapped else written}
