"""More details of servers: log, GPUs, console. Chapter "Servers" of the API."""

from __future__ import annotations

from typing import Annotated

from pydantic import SecretStr

from upcloud_sdk._wire import EmptyIsNone, Resource, Time
from upcloud_sdk.models.servers import ServerState


class ServerLogEntry(Resource):
    """An event of a server, and who caused it."""

    server: str | None = None
    """Uuid."""
    time: Time | None = None
    type: str | None = None
    """Such as `server_create`, `server_start`, `server_stop`, `server_shutdown`, `server_modify`, `server_error`."""
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None


class Gpu(Resource):
    """A GPU of a server."""

    model: str | None = None
    serial: str | None = None
    part: str | None = None
    firmware: str | None = None
    cores: int | None = None
    memory_gib: int | None = None


class RemoteAccess(Resource):
    """Address of a server's VNC console."""

    state: ServerState
    vnc_host: str | None = None
    vnc_port: Annotated[int | None, EmptyIsNone] = None
    """None if the console is off."""
    vnc_password: SecretStr | None = None
    remote_access_enabled: bool | None = None
    remote_access_type: str | None = None
    """`vnc`."""
    remote_access_password: SecretStr | None = None
