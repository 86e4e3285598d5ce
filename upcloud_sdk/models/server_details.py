"""What else the API tells of a server. Chapter "Servers" of the API."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, SecretStr

from upcloud_sdk._wire import EmptyIsNone, Resource
from upcloud_sdk.models.servers import ServerState


class ServerLogEntry(Resource):
    """Something that happened to a server, and who did it."""

    server: str
    """Uuid."""
    time: AwareDatetime
    type: str
    """Such as `server_create`, `server_start`, `server_stop`, `server_shutdown`, `server_modify`, `server_error`."""
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None


class Gpu(Resource):
    """A GPU of a server."""

    model: str
    serial: str | None = None
    part: str | None = None
    firmware: str | None = None
    cores: int | None = None
    memory_gib: int | None = None


class RemoteAccess(Resource):
    """How the screen of a server is reached: its VNC console."""

    state: ServerState
    vnc_host: str
    vnc_port: Annotated[int | None, EmptyIsNone] = None
    """None while there is no console."""
    vnc_password: SecretStr
    remote_access_enabled: bool
    remote_access_type: str
    """`vnc`."""
    remote_access_password: SecretStr
