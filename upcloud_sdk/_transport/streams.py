"""Downloads and uploads in pieces."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Self

import anyio
import httpx

from upcloud_sdk._background import WhileOpen
from upcloud_sdk._transport.answers import CLOSE_TIMEOUT, Answer
from upcloud_sdk._transport.error_documents import read_error
from upcloud_sdk._transport.failures import broken_answer, failure_of
from upcloud_sdk._transport.requests import CONNECT_TIMEOUT
from upcloud_sdk._transport.retries import CallAttempts, Failure
from upcloud_sdk.errors import AnswerTimeout, NotSent, OutcomeUnknown, api_error_class

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from types import TracebackType

    from upcloud_sdk._background import OpenState
    from upcloud_sdk._transport.requests import RequestBuilder
    from upcloud_sdk._transport.retries import Retries
    from upcloud_sdk._transport.sender import Sender

ANSWER_TIMEOUT = 600.0
"""Limit for the answer of an upload host after the last byte, in seconds."""


class ByteStream:
    """An answer as a stream of bytes, on its own connection.

    ```python
    async with cloud.audit_logs.export("csv") as stream:
        async for piece in stream:
            print(len(piece))
    ```

    Without `async with`, it is closed at its end. If the loop may stop before the end, use `async with`.
    """

    def __init__(
        self, call: str, open_: Callable[[], Awaitable[httpx.Response]], limit: float, open_state: OpenState
    ) -> None:
        self._call, self._open, self._limit, self._open_state = call, open_, limit, open_state
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
        """Close the connection. May be called more than once."""
        response, self._response, self._is_over = self._response, None, True
        if response is None or self._pieces is None:
            return
        with anyio.move_on_after(CLOSE_TIMEOUT, shield=True):
            await response.aclose()
            # Finish the generators inside httpx. Otherwise trio warns about them.
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
        assert self._response is not None
        request = self._response.request
        try:
            with WhileOpen(self._open_state, self._call), anyio.move_on_after(self._limit):
                return await anext(self._pieces)
        except StopAsyncIteration:
            await self.aclose()
            raise
        except Exception as error:
            await self.aclose()
            failure = broken_answer(self._call, error, request)
            if failure is None:
                raise
            raise failure from failure.__cause__
        await self.aclose()
        raise AnswerTimeout(self._call, f"the next piece did not come within {self._limit:g} s")

    async def read(self) -> bytes:
        """Read the whole stream."""
        async with self:
            return b"".join([piece async for piece in self])


class Streams:
    """Streams of one client. They do not count for `max_concurrency`."""

    def __init__(
        self,
        requests: RequestBuilder,
        retries: Retries,
        open_state: OpenState,
        judge: Callable[[str, Answer], Answer | Failure],
    ) -> None:
        self._requests, self._retries, self._open_state, self._judge = requests, retries, open_state, judge
        self._sender: Sender | None = None

    def use(self, sender: Sender) -> None:
        """Use this sender from now on."""
        self._sender = sender

    def open(self, method: str, path: str, params: Sequence[tuple[str, str]], limit: float) -> ByteStream:
        """Open a stream. `limit`: seconds for each piece.

        The call is repeated like others until its headers arrive. Reading raises the same errors as `Transport.send`.
        """
        call, url = f"{method} {path}", self._requests.url(path, params)

        async def open_() -> httpx.Response:
            with WhileOpen(self._open_state, call):
                attempts = CallAttempts(self._retries, call, method)
                while True:
                    response = await self._attempt(attempts, call, method, url, limit)
                    if not isinstance(response, Failure):
                        return response
                    await attempts.wait_after(response)
            raise AssertionError("unreachable")

        return ByteStream(call, open_, limit, self._open_state)

    async def _attempt(
        self, attempts: CallAttempts, call: str, method: str, url: str, limit: float
    ) -> httpx.Response | Failure:
        request = await self._requests.build(call, method, url, limit=limit)
        await attempts.begin()
        try:
            response = await self._start(call, request, limit)
            is_page = response.headers.get("content-type", "").startswith("text/html")
            if not is_page and 200 <= response.status_code < 300:
                response.request = request
                return response
            answer = await self._whole(call, request, response, limit)
        except (NotSent, OutcomeUnknown) as error:
            return Failure(error)
        result = self._judge(call, answer)
        return result if isinstance(result, Failure) else Failure(answer.foreign(call), answer)

    async def upload(
        self, call: str, url: str, content: AsyncIterable[bytes], headers: Mapping[str, str], *, limit: float
    ) -> Answer:
        """Send content to another host, without credentials. Never repeated.

        `limit`: seconds for one write. The caller limits the whole. After the last byte, the limit for the answer is
        `ANSWER_TIMEOUT`.

        Raises:
            NotSent, OutcomeUnknown: There was no answer.
            ApiError: It was a refusal.
        """
        timeout = {"connect": CONNECT_TIMEOUT, "read": None, "write": limit, "pool": limit}
        everything = {"accept": "application/json", "user-agent": self._requests.user_agent, **headers}
        answer: Answer | None = None
        with WhileOpen(self._open_state, call), anyio.CancelScope() as answering:

            def wait_for_answer() -> None:
                answering.deadline = anyio.current_time() + ANSWER_TIMEOUT

            body = _Watched(content, wait_for_answer)
            request = httpx.Request("PUT", url, headers=everything, content=body, extensions={"timeout": timeout})
            answer = await self._whole(call, request, await self._start(call, request, None), None)
        if answer is None:
            raise AnswerTimeout(call, f"no answer within {ANSWER_TIMEOUT:g} s after all was sent")
        if not 200 <= answer.status < 300:
            # Errors of the upload host have another format.
            own = read_error(call, answer.status, answer.content, answer.words)
            kind = answer.words(answer.header(b"content-type") or "no content type")
            message = f"refused by the upload host ({kind})"
            raise own or api_error_class(answer.status, "")(call, status=answer.status, message=message)
        return answer

    async def _start(self, call: str, request: httpx.Request, limit: float | None) -> httpx.Response:
        assert self._sender is not None
        try:
            with anyio.move_on_after(limit):
                return await self._sender.stream(request)
        except Exception as error:
            failure = failure_of(call, error, request, self._sender.proxy(request.url))
            if failure is None:
                raise
            raise failure from failure.__cause__
        raise AnswerTimeout(call, f"no answer within {limit:g} s")

    async def _whole(self, call: str, request: httpx.Request, response: httpx.Response, limit: float | None) -> Answer:
        try:
            with anyio.move_on_after(limit):
                return Answer(request, response.status_code, response.headers.raw, await response.aread())
        except Exception as error:
            failure = broken_answer(call, error, request)
            if failure is None:
                raise
            raise failure from failure.__cause__
        finally:
            with anyio.move_on_after(CLOSE_TIMEOUT, shield=True):
                await response.aclose()
        raise AnswerTimeout(call, f"no complete answer within {limit:g} s")


class _Watched:
    """Content that calls `taken` at its end."""

    def __init__(self, content: AsyncIterable[bytes], taken: Callable[[], None]) -> None:
        self._content, self._taken = content, taken
        self._pieces: AsyncIterator[bytes] | None = None

    def __aiter__(self) -> Self:
        self._pieces = aiter(self._content)
        return self

    async def __anext__(self) -> bytes:
        assert self._pieces is not None
        try:
            return await anext(self._pieces)
        except StopAsyncIteration:
            self._taken()
            raise
