"""Reads from the consoles of simulated servers how far their guests have booted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    import httpx

MILESTONES = {"Linux version": "kernel", "Cloud-init v.": "cloud-init"}
"""Texts on the console of a machine, in this order. Guests that are processes write none of them."""


class Milestones:
    """Finds the boot milestones on each server's console, which is a file of this machine.

    Args:
        http: A client of the simulator, with its token.
    """

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._paths: dict[str, str] = {}

    async def last(self, uuid: str) -> str | None:
        """The last milestone on the console of this server. None if there is none."""
        text = await self._console(uuid)
        return next((name for sign, name in reversed(MILESTONES.items()) if sign in text), None)

    async def _console(self, uuid: str) -> str:
        if uuid not in self._paths:
            answer = await self._http.get(f"/_simulator/servers/{uuid}/console")
            if answer.is_error:  # the console is created with the guest
                return ""
            self._paths[uuid] = answer.json()["path"]
        try:
            return await anyio.Path(self._paths[uuid]).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:  # the console is deleted with the server
            return ""
