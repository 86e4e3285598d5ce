"""Bodies that are read, or written, piece by piece."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Self
from urllib.parse import quote, urlencode

import anyio
import httpx

from upcloud_sdk._transport.answers import CLOSE_TIMEOUT, CONNECT_TIMEOUT, NOT_OPEN, Answer
from upcloud_sdk._transport.failures import broken_answer, failure_of
from upcloud_sdk._transport.problem import read_error
from upcloud_sdk.errors import AnswerTimeout, NotOpen, api_error_class

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
    from types import TracebackType

    from upcloud_sdk.errors import ApiError, ForeignAnswer

Send = Callable[[httpx.Request], Awaitable[httpx.Response]]

ANSWER_TIMEOUT = 600.0
"""Seconds that an upload host may take for its answer once it has everything."""


class ByteStream:
    """An answer as pieces of bytes, on a connection of its own.

    ```python
    async with cloud.audit_logs.export("csv") as stream:
        async for piece in stream:
            print(len(piece))
    ```

    Without the `async with` it is closed at its end; where the loop may stop before, use the block.
    """

    def __init__(self, call: str, open_: Callable[[], Awaitable[httpx.Response]], limit: float) -> None:
        self._call, self._open, self._limit = call, open_, limit
        self._response: httpx.Response | None = None
        self._pieces: AsyncIterator[bytes] | None = None
        self._is_over = False

    async def __aenter__(self) -> Self:
        if self._response is None and not self._is_over:
            self._response = await self._open()
            self._pieces = self._response.aiter_bytes()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Let go of the connection; twice does no harm."""
        response, self._response, self._is_over = self._response, None, True
        if response is None or self._pieces is None:
            return
        with anyio.move_on_after(CLOSE_TIMEOUT, shield=True):
            await response.aclose()
            # The generators inside httpx end by themselves only when they are asked on: trio complains of others.
            with contextlib.suppress(Exception):
                async for _ in self._pieces:
                    pass

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        await self.__aenter__()
        if self._is_over:
            raise StopAsyncIteration
        assert self._pieces is not None
        try:
            with anyio.move_on_after(self._limit):
                return await anext(self._pieces)
        except StopAsyncIteration:
            await self.aclose()
            raise
        except Exception as error:
            await self.aclose()
            failure = broken_answer(self._call, error)
            if failure is None:
                raise
            raise failure from error
        await self.aclose()
        raise AnswerTimeout(self._call, f"no more within {self._limit:g} s")

    async def read(self) -> bytes:
        """All of it."""
        async with self:
            return b"".join([piece async for piece in self])


class Streams:
    """The part of a transport that streams. A stream takes none of the client's slots, and is never repeated."""

    base_url: str
    timeout: float
    is_open: bool
    user_agent: str
    _stream: Send
    _proxy_to: Callable[[httpx.URL], str | None]

    async def _request(self, call: str, method: str, url: str, content: bytes | None, limit: float) -> httpx.Request:
        raise NotImplementedError

    def _refusal(self, call: str, answer: Answer) -> ApiError | ForeignAnswer | None:
        raise NotImplementedError

    def stream(self, method: str, path: str, *, params: Sequence[tuple[str, str]] = ()) -> ByteStream:
        """A successful answer, to be read piece by piece; each piece has the client's `timeout`.

        Reading it raises what `send` raises.
        """
        call, limit = f"{method} {path}", self.timeout
        url = self.base_url + path + (f"?{urlencode(params, quote_via=quote)}" if params else "")

        async def open_() -> httpx.Response:
            response = await self._start(call, await self._request(call, method, url, None, limit), limit)
            if 200 <= response.status_code < 300:
                return response
            refusal = self._refusal(call, await self._whole(call, response, limit))
            assert refusal is not None  # It is no success.
            raise refusal

        return ByteStream(call, open_, limit)

    async def upload(
        self, call: str, url: str, content: AsyncIterable[bytes], headers: Mapping[str, str], *, limit: float
    ) -> Answer:
        """Sends content as it comes, to another host than the API, which gets no credentials.

        `limit`: seconds that one write may take; for the whole, its caller has one.

        Raises:
            NotSent, OutcomeUnknown: there was no answer.
            ApiError: it was a refusal.
        """
        timeout = {"connect": CONNECT_TIMEOUT, "read": None, "write": limit, "pool": limit}
        everything = {"accept": "application/json", "user-agent": self.user_agent, **headers}
        request = httpx.Request("PUT", url, headers=everything, content=content, extensions={"timeout": timeout})
        answer = await self._whole(call, await self._start(call, request, None), ANSWER_TIMEOUT)
        if not 200 <= answer.status < 300:
            # The upload host has words of its own.
            own = read_error(call, answer.status, answer.content)
            message = f"the upload host answered so ({answer.header(b'content-type') or 'no content type'})"
            raise own or api_error_class(answer.status, "")(call, status=answer.status, message=message)
        return answer

    async def _start(self, call: str, request: httpx.Request, limit: float | None) -> httpx.Response:
        if not self.is_open:
            raise NotOpen(f"{call}: {NOT_OPEN}")
        try:
            with anyio.move_on_after(limit):
                return await self._stream(request)
        except Exception as error:
            failure = failure_of(call, error, request.url, self._proxy_to(request.url))
            if failure is None:
                raise
            raise failure from error
        raise AnswerTimeout(call, f"no answer within {limit:g} s")

    async def _whole(self, call: str, response: httpx.Response, limit: float) -> Answer:
        try:
            with anyio.move_on_after(limit):
                return Answer(response.status_code, response.headers.raw, await response.aread())
        except Exception as error:
            failure = broken_answer(call, error)
            if failure is None:
                raise
            raise failure from error
        finally:
            with anyio.move_on_after(CLOSE_TIMEOUT, shield=True):
                await response.aclose()
        raise AnswerTimeout(call, f"no whole answer within {limit:g} s")
