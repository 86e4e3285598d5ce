"""The command line `upcloud-sdk`: servers, leases, plans and prices for people, and as JSON for programs.

Exit status: 0 done, 1 failed or refused by the API, 2 wrong arguments, 130 interrupted.
"""

from __future__ import annotations

import typer

from upcloud_sdk.cli import catalog, doctor, images, leases, servers, top
from upcloud_sdk.cli.session import set_owner, version

app = typer.Typer(
    name="upcloud-sdk",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="UpCloud servers from the command line. Credentials: UPCLOUD_TOKEN, or UPCLOUD_USERNAME and "
    "UPCLOUD_PASSWORD, or the system's keyring.",
)
app.callback()(set_owner)
app.add_typer(servers.app, name="servers")
app.add_typer(leases.app, name="leases")
app.add_typer(images.app, name="images")
app.command()(catalog.price)
app.command()(catalog.plans)
app.command()(catalog.templates)
app.command()(doctor.doctor)
app.command()(top.top)
app.command(add_help_option=False, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(
    catalog.simulator
)

__all__ = ["app", "version"]
