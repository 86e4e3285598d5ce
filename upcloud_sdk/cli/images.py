"""`upcloud-sdk images`: bake, list, prune."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError
from rich.progress import BarColumn

from upcloud_sdk import Recipe
from upcloud_sdk.cli.output import Words, counted, print_json, progress, show, show_table
from upcloud_sdk.cli.session import AsJson, Yes, call, confirm, console, fail, messages, number, path, problems_of
from upcloud_sdk.events import BakeEvent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upcloud_sdk import Image, UpCloud
    from upcloud_sdk.events import Event

app = typer.Typer(no_args_is_help=True, help="Images by recipe: make, list and delete them.")

RecipeFile = Annotated[
    Path,
    typer.Argument(
        metavar="RECIPE", parser=path, help="JSON: base, commands, files, size, name; - is stdin.", show_default=False
    ),
]
Days = Annotated[float, typer.Option(help="Only images that no bake used in this many days.", min=0, callback=number)]

_STEPS = {
    "waiting": "another process bakes it: waiting",
    "server": "creating a server",
    "commands": "running the commands",
    "cleaning": "cleaning the server",
    "copying": "copying its disk",
    "made": "done",
    "failed": "failed: cleaning up",
}


@app.command("bake")
def bake_image(  # noqa: PLR0917 - typer passes arguments by name
    context: typer.Context,
    recipe: RecipeFile,
    zone: Annotated[
        list[str], typer.Option(help="Zone that needs the image. Can be given several times.", show_default=False)
    ],
    plan: Annotated[str | None, typer.Option(help="Plan of the server for the commands (the cheapest).")] = None,
    timeout: Annotated[float, typer.Option(help="Limit for the commands, in seconds.", min=1, callback=number)] = 1800,
    max_age: Annotated[
        float | None, typer.Option(help="Replace images older than this many days.", min=0.001, callback=number)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the image of a recipe in each zone that has none, and list the images."""
    what = _read(recipe)
    seconds = None if max_age is None else max_age * 86_400
    with progress(Words(), BarColumn()) as lines:
        task = lines.add_task(f"looking for {what.title}", total=3 + 2 * len(set(zone)))

        def step(event: Event) -> None:
            if isinstance(event, BakeEvent):
                text = f"{event.title} in {event.zone}: {_STEPS[event.happened]}"
                lines.update(task, description=text, advance=0 if event.happened in {"waiting", "failed"} else 1)

        work = call(
            context,
            lambda cloud: cloud.images.bake(what, zones=zone, plan=plan, timeout=timeout, max_age=seconds),
            on_event=step,
        )
    _show(work, as_json=as_json, empty="no images")


@app.command("list")
def list_images(context: typer.Context, as_json: AsJson = False) -> None:
    """List all baked images of the owner, oldest first, with their cost per month."""

    async def ask(cloud: UpCloud) -> tuple[str, Sequence[Image]]:
        return cloud.owner, await cloud.images.list()

    owner, images = call(context, ask)
    _show(images, as_json=as_json, empty=f"no images of {owner}")


@app.command("prune")
def prune_images(  # noqa: PLR0917 - typer passes arguments by name
    context: typer.Context,
    recipe: Annotated[Path | None, typer.Option(parser=path, help="Only versions of this recipe, a JSON file.")] = None,
    keep: Annotated[int, typer.Option(help="How many images to keep per name and zone.", min=0)] = 1,
    unused_for: Days = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be deleted.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete older images. Shows them and asks first."""
    what = None if recipe is None else _read(recipe)
    seconds = unused_for * 86_400

    async def find(cloud: UpCloud) -> tuple[str, Sequence[Image]]:
        return cloud.owner, await cloud.images.prune(what, keep=keep, unused_for=seconds, dry_run=True)

    owner, due = call(context, find)
    if dry_run or not due:
        _show(due, as_json=as_json, empty=f"no images of {owner} to delete")
        return
    show_table([{"uuid": each.uuid, "title": each.title, "zone": each.zone} for each in due], messages)
    confirm(f"Delete {counted(len(due), 'image')}?", yes=yes)
    # The user has not agreed to images that have become older versions since.
    only = [image.uuid for image in due]
    deleted = call(context, lambda cloud: cloud.images.prune(what, keep=keep, unused_for=seconds, only=only))
    if as_json:
        print_json([_document(image) for image in deleted])
    else:
        console.print(f"deleted {counted(len(deleted), 'image')}")


def _read(path: Path) -> Recipe:
    """Read a recipe from a file.

    Raises:
        typer.Exit: The file cannot be read or is not a recipe.
    """
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        return Recipe.model_validate_json(text)
    except OSError as error:
        fail(f"{path}: {error.strerror}", status=2)
    except ValidationError as error:
        fail(*(f"{path}: {problem}" for problem in problems_of(error)), status=2)
    except ValueError as error:
        fail(f"{path}: it is not text in UTF-8: {error}", status=2)


def _show(images: Sequence[Image], *, as_json: bool, empty: str) -> None:
    if as_json:
        print_json([_document(image) for image in images])
        return
    rows = [
        {
            "uuid": image.uuid,
            "recipe": image.name,
            "digest": image.digest,
            "zone": image.zone,
            "GB": image.size,
            "state": image.state,
            "created": image.created,
            "last use": image.last_use,
            "a month": "-" if image.monthly is None else f"{image.monthly:.2f} {image.currency or ''}".strip(),
        }
        for image in images
    ]
    show(rows, as_json=False, empty=empty)


def _document(image: Image) -> dict[str, Any]:
    return {field.name: getattr(image, field.name) for field in fields(image)}
