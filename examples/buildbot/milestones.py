"""How far the guests of simulated servers have come, as their consoles tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    import httpx

MILESTONES = {"Linux version": "kernel", "Cloud-init v.": "cloud-init"}
"""What real machines write, in this order; guests that are processes write neither."""


class Milestones:
    """Asks the simulator for each server's console, which is a file of this machine.

    Args:
        http: A client of the simulator, with its token.
    """

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._paths: dict[str, str] = {}

    async def last(self, uuid: str) -> str | None:
        """The last that this server's guest has passed; None if it has passed none."""
        text = await self._console(uuid)
        return next((name for sign, name in reversed(MILESTONES.items()) if sign in text), None)

    async def _console(self, uuid: str) -> str:
        if uuid not in self._paths:
            answer = await self._http.get(f"/_simulator/servers/{uuid}/console")
            if answer.is_error:  # it is there when the guest is
                return ""
            self._paths[uuid] = answer.json()["path"]
        try:
            return await anyio.Path(self._paths[uuid]).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:  # it goes with the server
            return ""
