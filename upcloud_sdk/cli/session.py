"""What all commands share: one client a command, errors as one line, and the question before something is destroyed."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, NoReturn, TypeVar

import anyio
import typer
from rich.console import Console

from upcloud_sdk import UpCloud, errors
from upcloud_sdk._version import __version__

T = TypeVar("T")

console = Console(width=None if sys.stdout.isatty() else 200)
"""Results; piped into a file, a line is as long as it has to be."""
messages = Console(stderr=True)
"""Progress, questions and errors: not part of a result that is piped into another program."""

AsJson = Annotated[bool, typer.Option("--json", help="JSON for programs, instead of a table.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def version(wanted: bool) -> None:
    """Print the version and end."""
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


def call(context: typer.Context, work: Callable[[UpCloud], Awaitable[T]]) -> T:
    """Do this with an open client.

    Raises:
        typer.Exit: with status 1 and one line on stderr, where it fails.
    """

    async def with_a_client() -> T:
        async with UpCloud(owner=context.obj) as cloud:
            return await work(cloud)

    try:
        return anyio.run(with_a_client)
    except errors.UpCloudError as error:
        fail(str(error), *getattr(error, "__notes__", ()))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def fail(*lines: str) -> NoReturn:
    """End with status 1 and these lines on stderr."""
    for line in lines:
        messages.print(f"upcloud-sdk: {line}", style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(1)


def confirm(question: str, *, yes: bool) -> None:
    """Return once the user has agreed.

    Raises:
        typer.Exit: with status 1, where the answer is no, or there is nobody to ask.
    """
    if yes:
        return
    try:
        agreed = typer.confirm(question, err=True)
    except typer.Abort:
        fail("nothing was destroyed: nobody answered; --yes destroys without a question")
    if not agreed:
        fail("nothing was destroyed")
