"""`upcloud-sdk price`, `plans`, `templates` and `simulator`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from upcloud_sdk import ServerSpec, StorageDeviceSpec
from upcloud_sdk.cli.output import show
from upcloud_sdk.cli.session import AsJson, call

if TYPE_CHECKING:
    from upcloud_sdk import UpCloud

Zone = Annotated[str, typer.Option(help="Zone, such as fi-hel1.")]


def plans(
    context: typer.Context,
    *,
    zone: Zone = "fi-hel1",
    cores: Annotated[int, typer.Option(help="Minimum number of cores.", min=0)] = 0,
    memory: Annotated[int, typer.Option(help="Minimum memory in MiB.", min=0)] = 0,
    size: Annotated[int, typer.Option(help="Size of the server's disk in GB.", min=0)] = 10,
    with_all: Annotated[bool, typer.Option("--all", help="Also plans that are no longer sold.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the plans on sale in a zone with what a server costs with them, the cheapest first.

    The cost includes the disk and a public IPv4 address, which only some plans include.
    """
    found = call(
        context,
        lambda cloud: cloud.plans.by_cost(cores=cores, memory=memory, zone=zone, storage=size, discontinued=with_all),
    )
    rows = [
        {
            "plan": plan.name,
            "cores": plan.core_number,
            "memory (MiB)": plan.memory_amount,
            "included disk (GB)": plan.storage_size,
            "per hour": cost.hourly,
            "per month": cost.monthly,
            "currency": cost.currency,
        }
        for plan, cost in found
    ]
    show(rows, as_json=as_json, empty=f"no plan of this size has a price in {zone}")


def price(
    context: typer.Context,
    plan: Annotated[str, typer.Argument(help="Name of the plan.", show_default=False)],
    zone: Zone = "fi-hel1",
    size: Annotated[
        int | None, typer.Option(help="Size of the disk in GB. Default: what the plan includes.", min=1)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a server costs per hour and per month, item by item. Creates nothing."""

    async def ask(cloud: UpCloud) -> list[dict[str, object]]:
        included = {each.name: each.storage_size for each in await cloud.plans.list()}.get(plan, 0)
        disk = StorageDeviceSpec.create(size=size or included or 10, title="disk")
        spec = ServerSpec(zone=zone, plan=plan, hostname="price", title="price", storage_devices=[disk])
        estimate = await cloud.prices.estimate(spec)
        rows: list[dict[str, object]] = [
            {"item": part.item, "quantity": part.quantity, "per hour": part.hourly, "per month": None}
            for part in estimate.parts
        ]
        total = {"per hour": estimate.hourly, "per month": estimate.monthly}
        rows.append({"item": "total", "quantity": None, **total})
        return [{**row, "currency": estimate.currency} for row in rows]

    show(call(context, ask), as_json=as_json, empty="nothing")


def templates(
    context: typer.Context,
    words: Annotated[list[str] | None, typer.Argument(help="Words in the title.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """List the templates that a server can be created from."""
    found = call(context, lambda cloud: cloud.storages.list("template"))
    wanted = [word.lower() for word in words or ()]
    rows = [
        {"uuid": each.uuid, "title": each.title, "size (GB)": each.size, "access": str(each.access)}
        for each in sorted(found, key=lambda template: template.title or "")
        if all(word in (each.title or "").lower() for word in wanted)
    ]
    show(rows, as_json=as_json, empty="no template has these words in its title")


def simulator(context: typer.Context) -> None:
    """Serve the API simulator on this machine. --help lists its options."""
    from upcloud_sdk.simulator.__main__ import main  # noqa: PLC0415 - other commands do not need the simulator

    raise typer.Exit(main(context.args, program="upcloud-sdk simulator"))
