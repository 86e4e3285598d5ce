"""Shared by all commands: one client per command, one-line errors, and the question before a deletion."""

from __future__ import annotations

import asyncio
import logging
import math
import signal
import warnings
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

import anyio
import typer
from pydantic import ValidationError

from upcloud_sdk import UpCloud, errors
from upcloud_sdk._hints import for_a_shell
from upcloud_sdk._terminal import Terminal
from upcloud_sdk._version import __version__
from upcloud_sdk.events import Listener

if TYPE_CHECKING:
    from types import FrameType

T = TypeVar("T")

console = Terminal()
"""For results."""
messages = Terminal(stderr=True)
"""For progress, questions and errors. On stderr, so that they are not part of a piped result."""

AsJson = Annotated[bool, typer.Option("--json", help="JSON for programs, instead of a table.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def path(value: str) -> Path:
    """`parser=` of files: in older releases of typer, a null byte ends in a traceback.

    Raises:
        typer.BadParameter: No file can have this name.
    """
    if "\0" in value:
        raise typer.BadParameter("it has a null byte")
    return Path(value)


def number(value: float | None) -> float | None:
    """`callback=` of numbers: in older releases of typer, "nan" is in every range.

    Raises:
        typer.BadParameter: It is not a number.
    """
    if value is not None and math.isnan(value):
        raise typer.BadParameter("it is not a number")
    return value


_ENDINGS = ("SIGTERM", "SIGHUP")
"""Signals that end a command as Ctrl-C does, with cleanup. Windows has no SIGHUP."""


def version(wanted: bool) -> None:
    """Print the version and exit."""
    if wanted:
        console.print(__version__)
        raise typer.Exit


def set_owner(
    context: typer.Context,
    owner: Annotated[
        str | None, typer.Option(envvar="UPCLOUD_SDK_OWNER", help="Owner label of servers and leases (user@host).")
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of all commands."""
    context.obj = owner


def call(context: typer.Context, work: Callable[[UpCloud], Awaitable[T]], *, on_event: Listener | None = None) -> T:
    """As `run`, with an open client. `on_event` gets the client's events."""

    async def with_a_client() -> T:
        async with UpCloud(owner=context.obj, on_event=on_event) as cloud:
            return await work(cloud)

    return run(with_a_client)


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Run the requests of a command.

    Raises:
        typer.Exit: It failed, which one line on stderr says. The status is 1, 2 for an argument that the SDK does not
            accept, and 128 plus the number of the signal if one ended it.
    """
    received: list[int] = []

    async def until_a_signal() -> T:
        with _cancelled_by_signals(received):
            return await work()

    try:
        with _log_lines():
            return anyio.run(until_a_signal)
    except errors.UpCloudError as error:
        fail(str(error), *getattr(error, "__notes__", ()))
    except ValidationError as error:
        fail(*problems_of(error), status=2)
    except ValueError as error:
        fail(str(error), status=2)
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise typer.Exit(128 + (received or [signal.SIGINT])[0]) from None


@contextmanager
def _cancelled_by_signals(received: list[int]) -> Generator[None]:
    """Cancel this task, as Ctrl-C does, at signals that would end the process without cleanup."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None

    def cancel(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        loop.call_soon_threadsafe(task.cancel)

    numbers = [signal.Signals[name] for name in _ENDINGS if name in signal.Signals.__members__]
    # Not those that are ignored, such as SIGHUP with nohup.
    ours = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, cancel)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


class _LogLines(logging.Handler):
    """Prints warnings and errors of the SDK as lines on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        warn(record.getMessage())


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    warn(str(message))


@contextmanager
def _log_lines() -> Generator[None]:
    handler, log = _LogLines(logging.WARNING), logging.getLogger("upcloud_sdk")
    log.addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            yield
    finally:
        log.removeHandler(handler)


def problems_of(error: ValidationError) -> list[str]:
    """A sentence for each value that a model does not accept."""
    problems = [
        (".".join(map(str, each["loc"])), each["msg"].removeprefix("Value error, "))
        for each in error.errors(include_url=False)
    ]
    return [f"{where}: {what}" if where else what for where, what in problems]


def fail(*lines: str, status: int = 1) -> NoReturn:
    """Print these lines on stderr and exit with this status."""
    for line in lines:
        messages.print(_line(line), style="red", soft_wrap=True)
    raise typer.Exit(status)


def warn(line: str) -> None:
    """Print this line on stderr, and go on."""
    messages.print(_line(line), style="yellow", soft_wrap=True)


def _line(text: str) -> str:
    """An error or warning. Further lines of its text are indented, so that none looks like another error."""
    return "upcloud-sdk: " + for_a_shell(text).replace("\n", "\n    ")


def confirm(question: str, *, yes: bool) -> None:
    """Ask the user. Returns if the answer is yes.

    Raises:
        typer.Exit: With status 1 if the answer is no, or nobody answers, and with status 130 at Ctrl-C.
    """
    if yes:
        return
    try:
        agreed = typer.confirm(question, err=True)
    except typer.Abort as unanswered:
        messages.print()  # The question has no end of line without an answer.
        if isinstance(unanswered.__context__, KeyboardInterrupt):
            fail("nothing was destroyed", status=130)
        fail("nothing was destroyed: the question was not answered; --yes skips it")
    if not agreed:
        fail("nothing was destroyed")
