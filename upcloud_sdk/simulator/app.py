"""`Simulator`, the class for users."""

from __future__ import annotations

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
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager

    from upcloud_sdk.simulator.guests.kinds import GuestKind
    from upcloud_sdk.simulator.records.clock import Clock
    from upcloud_sdk.simulator.serving.refusals import ServerErrors
    from upcloud_sdk.simulator.serving.transport import SimulatorTransport
    from upcloud_sdk.simulator.state.guest_backend import Guests


class Simulator(Dispatch):
    """An offline UpCloud API with an empty account.

    Args:
        clock: The clock: `RealClock()`, `ScaledClock(factor)` or `ManualClock()`. None: `RealClock()`.
        boot_seconds: How long a server takes to start, in seconds. None: 2.
        boot: How servers start, instead of `boot_seconds`: `after_polls(3)`, `never()`, `to_error()`, or a function of
            the server.
        stop_seconds: How long a server takes to stop, in seconds.
        storage_seconds: How long it takes to create, clone or back up a storage, in seconds.
        username: With `password`: the only accepted user name. None: any credentials are accepted.
        password: The password of `username`.
        token: The only accepted API token.
        seed: The same seed gives the same ids, addresses and random faults. None: new ones in each run.
        guests: What runs in started servers. "none": nothing. "process": their user_data, as processes of this machine.
            "vm": real machines in qemu (`VmGuests(...)` has more options). Or your own backend. With guests, use the
            simulator as a context manager, or call `close`.
        total_count: Whether to send the total of lists in the header `Upcloud-Total-Count`. UpCloud's contract does not
            promise it.
        server_errors: The format of refused server calls: "recorded" (`error_code`, `error_message`), or "contract"
            (`code`, `message`), as in UpCloud's contract.
        discontinued_plans: New servers with plans that UpCloud no longer sells (such as `1xCPU-1GB`), or without plan,
            are "sold", with one warning in the log for each plan, or "refused" with 403.
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
        """End all guests and the background thread."""
        self._ticker.stop()
        self.guests.close()

    def tick(self) -> None:
        """Start a thread that makes due changes without requests. Not needed with a `ManualClock`."""
        if self.clock.real_seconds(1) is not None:
            self._ticker.start()

    # Connections

    def transport(self) -> SimulatorTransport:
        """An `httpx.AsyncBaseTransport` that calls this simulator without a socket. For asyncio and trio."""
        from upcloud_sdk.simulator.serving.transport import SimulatorTransport  # noqa: PLC0415 - imports httpx

        return SimulatorTransport(self)

    def serve(
        self, host: str = "127.0.0.1", port: int = 0, *, hosts: Iterable[str] = (), guarded: bool | None = None
    ) -> AbstractContextManager[str]:
        """Serve over HTTP in a thread, and return the URL, without the API version.

        Requests that a web page in a browser could send are refused: to a host name other than `host`, `hosts` and
        loopback (if `host` is all interfaces: and IP addresses), or with the Origin of a page.

        Args:
            host: The address to listen on.
            port: The port to listen on. 0: any free port.
            hosts: More names by which clients call it, such as the name of a container.
            guarded: Also refuse bodies that are not `application/json`. None: only if guests run code.

        Raises:
            OSError: The port is taken.
            ImportError: The extra `simulator` is not installed.
        """
        try:
            try:
                from upcloud_sdk.simulator.serving.http_server import serve  # noqa: PLC0415 - imports starlette and uvicorn
            except ModuleNotFoundError as error:
                raise ModuleNotFoundError(
                    f"to serve HTTP, the simulator needs {error.name}: install the extra, "
                    "pip install 'upcloud-sdk[simulator]'",
                    name=error.name,
                ) from None
        except ImportError as error:
            raise ImportError("serving needs an extra: pip install 'upcloud-sdk[simulator]'") from error

        if guarded is None:
            guarded = not isinstance(self.guests, NoGuests)
        return serve(self, host, port, hosts=hosts, guarded=guarded, began=self.tick, ended=self.close)

    # The account as a whole

    def to_json(self) -> str:
        """The account as a JSON document. It contains passwords."""
        return saving.to_json(self)

    def restore(self, document: str | bytes) -> None:
        """Replace the account with one from `to_json`. Raises ValueError if the document is invalid."""
        saving.restore(self, document)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the account to a file that only its owner can read."""
        saving.save(self, path)

    def load(self, path: str | os.PathLike[str]) -> None:
        """Load the account from a file of `save`. Raises OSError, ValueError."""
        saving.load(self, path)

    def reset(self) -> None:
        """Empty the account, and clear faults and requests."""
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
        """Let calls fail that match a pattern of method and path, such as `POST /server`, `GET /server/*` or `*`.

        Args:
            pattern: `*` matches anything, `{uuid}` one part of a path.
            status: Status of the answer. Without `code` or `body`, the answer is an HTML page, as from a proxy.
            code: The API's error code.
            body: The answer's body.
            headers: More headers of the answer.
            after_effect: The call has its effect before it fails: the server exists, but the answer is lost.
            times: How many calls fail. None: all.
            drop: The connection is closed without an answer.
            delay: Delay the call by this many seconds of the clock.
            timeout: The answer never comes. The client must give up.
            truncate: The connection is closed after this many bytes of the body.
            skip: Let this many matching calls succeed first.
            rate: Only this part of the calls fails, at random, 0 to 1.
            hide_from_lists: The created resource is missing in lists for this many seconds. The call itself succeeds.

        Raises:
            ValueError: No endpoint matches the pattern, and no `body` is given.
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
        """How many received requests match a pattern such as `POST /server`."""
        regex = call_pattern(pattern)
        return sum(regex.fullmatch(f"{r.method} {r.path.partition('?')[0]}") is not None for r in self.requests)
