"""Shared by all commands: one client per command, one-line errors, and the question before a deletion."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, NoReturn, TypeVar

import anyio
import typer
from rich.console import Console

from upcloud_sdk import UpCloud, errors
from upcloud_sdk._version import __version__
from upcloud_sdk.events import Listener

T = TypeVar("T")

console = Console(width=None if sys.stdout.isatty() else 10_000)
"""For results. In a file or a pipe, long lines are not wrapped."""
messages = Console(stderr=True)
"""For progress, questions and errors. On stderr, so that they are not part of a piped result."""

AsJson = Annotated[bool, typer.Option("--json", help="JSON for programs, instead of a table.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def version(wanted: bool) -> None:
    """Print the version and exit."""
    if wanted:
        console.print(__version__, highlight=False)
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
    """Run `work` with an open client. `on_event` gets the client's events.

    Raises:
        typer.Exit: With status 1 and one line on stderr if it fails.
    """

    async def with_a_client() -> T:
        async with UpCloud(owner=context.obj, on_event=on_event) as cloud:
            return await work(cloud)

    try:
        return anyio.run(with_a_client)
    except errors.UpCloudError as error:
        fail(str(error), *getattr(error, "__notes__", ()))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def fail(*lines: str, status: int = 1) -> NoReturn:
    """Print these lines on stderr and exit with this status."""
    for line in lines:
        messages.print(f"upcloud-sdk: {line}", style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(status)


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
