"""The simulator as its users see it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from upcloud_sdk.simulator.chapters.table import check_pattern
from upcloud_sdk.simulator.guests.kinds import make_guests
from upcloud_sdk.simulator.records.progress import Boot, after_seconds
from upcloud_sdk.simulator.serving.dispatch import Dispatch
from upcloud_sdk.simulator.serving.ticker import Ticker
from upcloud_sdk.simulator.state import saving
from upcloud_sdk.simulator.state.access import Access
from upcloud_sdk.simulator.state.cloud import DEFAULT_BOOT
from upcloud_sdk.simulator.state.faults import Fault, call_pattern
from upcloud_sdk.simulator.state.guest_backend import LimitedGuests, NoGuests

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from upcloud_sdk.simulator.guests.kinds import GuestKind
    from upcloud_sdk.simulator.records.clock import Clock
    from upcloud_sdk.simulator.serving.refusals import ServerErrors
    from upcloud_sdk.simulator.serving.transport import SimulatorTransport
    from upcloud_sdk.simulator.state.guest_backend import Guests


class Simulator(Dispatch):
    """An offline UpCloud API with an account of its own.

    Args:
        clock: Where it reads the time: `RealClock()` (the default), `ScaledClock(factor)`, `ManualClock()`.
        boot_seconds: How long a server takes to start.
        boot: The same in more ways: `after_polls(3)`, `never()`, `to_error()`, or a callable of the server.
        stop_seconds: How long it takes to stop.
        storage_seconds: How long cloning, backing up and creating a storage take.
        username: With `password`, the pair that is accepted. Without any credential, each is.
        password: See `username`.
        token: The API token that is accepted.
        seed: Makes ids, addresses and random faults the same in each run.
        guests: What runs in a started server: "none"; "process", its user_data as processes of this machine; "vm", a
            real machine in qemu (`VmGuests(...)` says more of it); or a backend of your own. With guests, use the
            simulator as a context manager, or call `close`.
        total_count: Whether lists of servers, storages and tokens tell how many items there are, in the header
            `Upcloud-Total-Count`. UpCloud's contract of the API does not promise it.
        server_errors: In which shape servers refuse: "recorded" (`error_code`, `error_message`), or "contract" (`code`,
            `message`), as UpCloud's contract of the API has it.
        discontinued_plans: What becomes of new servers of plans that UpCloud does not sell any more, `1xCPU-1GB` and
            `DEV-1xCPU-1GB` among them, or without a plan: "sold", as before, or "refused" with 403.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        boot_seconds: float | None = None,
        boot: Boot | None = None,
        stop_seconds: float = 1.0,
        storage_seconds: float = 1.0,
        username: str | None = None,
        password: str | None = None,
        token: str | None = None,
        seed: int | None = None,
        guests: GuestKind | Guests = "none",
        total_count: bool = False,
        server_errors: ServerErrors = "recorded",
        discontinued_plans: Literal["refused", "sold"] = "sold",
    ) -> None:
        if boot is not None and boot_seconds is not None:
            raise ValueError("give boot_seconds or boot, not both")
        if boot is None:
            boot = DEFAULT_BOOT if boot_seconds is None else after_seconds(boot_seconds)
        super().__init__(
            clock=clock,
            seed=seed,
            boot=boot,
            stop_seconds=stop_seconds,
            storage_seconds=storage_seconds,
            access=Access(username=username, password=password, token=token),
            total_count=total_count,
            server_errors=server_errors,
            discontinued_plans=discontinued_plans,
        )
        self._ticker = Ticker(self)
        if guests != "none":
            self.guests = make_guests(guests) if isinstance(guests, str) else guests
            if isinstance(self.guests, LimitedGuests):
                self.guests.open(self)
            self.tick()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()

    def close(self) -> None:
        """End the guests and the background thread, if there are any."""
        self._ticker.stop()
        self.guests.close()

    def tick(self) -> None:
        """Let things happen when they are due though nobody calls; not on a clock that only a hand moves."""
        if self.clock.real_seconds(1) is not None:
            self._ticker.start()

    # Ways in

    def transport(self) -> SimulatorTransport:
        """An `httpx.AsyncBaseTransport` that calls this simulator without a socket; asyncio and trio."""
        from upcloud_sdk.simulator.serving.transport import SimulatorTransport  # noqa: PLC0415 - httpx only if asked for

        return SimulatorTransport(self)

    def serve(
        self, host: str = "127.0.0.1", port: int = 0, *, guarded: bool | None = None
    ) -> AbstractContextManager[str]:
        """A real HTTP server in a thread; gives its URL, without the version. Port 0 is any free one.

        Args:
            host: The address to listen on.
            port: The port to listen on.
            guarded: Refuse what a web page in a browser could send: other host names than `host` and loopback, bodies
                that are not `application/json`. By default if guests run code.

        Raises:
            OSError: The port is taken.
            ImportError: The extra `simulator` is not installed.
        """
        try:
            try:
                from upcloud_sdk.simulator.serving.http_server import serve  # noqa: PLC0415 - starlette and uvicorn only if asked for
            except ModuleNotFoundError as error:
                raise ModuleNotFoundError(
                    f"to be reached over HTTP the simulator needs {error.name}: install the extra, "
                    "pip install 'upcloud-sdk[simulator]'",
                    name=error.name,
                ) from None
        except ImportError as error:
            raise ImportError("serving needs an extra: pip install 'upcloud-sdk[simulator]'") from error

        if guarded is None:
            guarded = not isinstance(self.guests, NoGuests)
        return serve(self, host, port, guarded=guarded, began=self.tick, ended=self.close)

    # The account as a whole

    def to_json(self) -> str:
        """The account as a JSON document. It contains passwords."""
        return saving.to_json(self)

    def restore(self, document: str | bytes) -> None:
        """Take the account of a `to_json` document in the place of this one. Raises ValueError if it is none."""
        saving.restore(self, document)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the account to a file that only its owner can read."""
        saving.save(self, path)

    def load(self, path: str | os.PathLike[str]) -> None:
        """Take the account of a file that `save` wrote. Raises OSError, ValueError."""
        saving.restore(self, Path(path).read_bytes())

    def reset(self) -> None:
        """Empty the account, and forget faults and requests."""
        with self.lock:
            saving.empty(self)
            self.faults.clear()
            self.requests.clear()

    # Faults

    def fail(
        self,
        pattern: str,
        *,
        status: int | None = None,
        code: str | None = None,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        after_effect: bool = False,
        times: int | None = 1,
        drop: bool = False,
        delay: float | None = None,
        timeout: bool = False,
        truncate: int | None = None,
        skip: int = 0,
        rate: float | None = None,
        hide_from_lists: float | None = None,
    ) -> None:
        """Let calls fail that match `pattern`: a method and a path, as `POST /server`, `GET /server/*`, `*`.

        Args:
            pattern: `*` is anything, `{uuid}` one part of a path.
            status: The answer's status instead of the API's; without `code` or `body`, a proxy's HTML page.
            code: The API's error code.
            body: The answer's body.
            headers: More headers for it.
            after_effect: The call has its effect first: the server exists, the answer is lost.
            times: How many calls fail; None is all of them.
            drop: The connection dies without an answer.
            delay: Hold the call for so many seconds of the clock.
            timeout: The answer never comes; the client must give up.
            truncate: The connection dies after so many bytes of the body.
            skip: Let so many matching calls pass before.
            rate: Only this share of them fails, at random.
            hide_from_lists: What the call creates is not in lists for so many seconds; its answer is the API's.

        Raises:
            ValueError: No endpoint matches the pattern, and there is no `body` to stand in for one.
        """
        raw = body.encode() if isinstance(body, str) else body
        if raw is None:
            check_pattern(pattern)
        fault = Fault(
            pattern, status, code, raw, headers or {}, after_effect, times, drop, delay, timeout, truncate, skip, rate,
            hide_from_lists,
        )  # fmt: skip
        with self.lock:
            self.faults.add(fault)

    def count(self, pattern: str) -> int:
        """How many requests came in that match a pattern such as `POST /server`."""
        regex = call_pattern(pattern)
        return sum(regex.fullmatch(f"{r.method} {r.path.partition('?')[0]}") is not None for r in self.requests)
