"""Networks, routers and peerings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk._transport import path_segment
from upcloud_sdk._wire import many, one
from upcloud_sdk.models.networks import Network, NetworkPeering, Router
from upcloud_sdk.resources._base import Labels, Namespace, ResourceKind, body_of, endpoint, label_params
from upcloud_sdk.resources._one_create import create_labelled

if TYPE_CHECKING:
    from upcloud_sdk._wire import Uuid
    from upcloud_sdk.models.network_requests import (
        NetworkChanges,
        NetworkPeeringChanges,
        NetworkPeeringSpec,
        NetworkSpec,
        RouterChanges,
        RouterSpec,
    )

_NETWORK = one(Network, "network")
_NETWORKS = many(Network, "networks", "network")
_ROUTER = one(Router, "router")
_ROUTERS = many(Router, "routers", "router")
_PEERING = one(NetworkPeering, "network_peering")
_PEERINGS = many(NetworkPeering, "network_peerings", "network_peering")


class Networks(Namespace):
    """`cloud.networks`. Chapter "Networks" of the API, <https://developers.upcloud.com/1.3/13-networks/>."""

    @endpoint("GET", "/network/{uuid}")
    async def get(self, uuid: Uuid) -> Network:
        """A network."""
        return await self._transport.call("GET", f"/network/{path_segment(uuid, 'uuid')}", _NETWORK)

    @endpoint("POST", "/network")
    async def create(self, spec: NetworkSpec) -> Network:
        """Create a private network. If the answer is lost, it is found by its label."""
        kind = ResourceKind("/network", "network", "networks")
        return await create_labelled(self._core, kind, body_of(spec), _NETWORK)

    @endpoint("PUT", "/network/{uuid}")
    async def modify(self, uuid: Uuid, changes: NetworkChanges) -> Network:
        """Change a private network. `router=None` detaches it from its router.

        Args:
            uuid: Uuid of the network, or the network itself.
            changes: What to change. Fields that are not given stay as they are.
        """
        body = {"network": body_of(changes)}
        return await self._transport.call("PUT", f"/network/{path_segment(uuid, 'uuid')}", _NETWORK, json=body)

    @endpoint("DELETE", "/network/{uuid}")
    async def delete(self, uuid: Uuid) -> None:
        """Delete a private network.

        Raises:
            Conflict: Servers are attached to it.
        """
        await self._transport.send("DELETE", f"/network/{path_segment(uuid, 'uuid')}")

    @endpoint("GET", "/network")
    async def list(self, *, zone: str | None = None, labels: Labels | None = None) -> tuple[Network, ...]:
        """List networks, also UpCloud's own; `type` tells which.

        Args:
            zone: Only this zone, such as `fi-hel1`.
            labels: Only those that have all of these labels.
        """
        params = [] if zone is None else [("zone", zone)]
        return await self._list("/network", _NETWORKS, params + label_params(labels))


class Routers(Namespace):
    """`cloud.routers`. Chapter "Routers" of the API, <https://developers.upcloud.com/1.3/13-networks/>."""

    @endpoint("GET", "/router/{uuid}")
    async def get(self, uuid: Uuid) -> Router:
        """A router."""
        return await self._transport.call("GET", f"/router/{path_segment(uuid, 'uuid')}", _ROUTER)

    @endpoint("POST", "/router")
    async def create(self, spec: RouterSpec) -> Router:
        """Create a router. If the answer is lost, it is found by its label."""
        return await create_labelled(self._core, ResourceKind("/router", "router", "routers"), body_of(spec), _ROUTER)

    @endpoint("PATCH", "/router/{uuid}")
    async def modify(self, uuid: Uuid, changes: RouterChanges) -> Router:
        """Change a router.

        Args:
            uuid: Uuid of the router, or the router itself.
            changes: What to change. Fields that are not given stay as they are.
        """
        body = {"router": body_of(changes)}
        return await self._transport.call("PATCH", f"/router/{path_segment(uuid, 'uuid')}", _ROUTER, json=body)

    @endpoint("DELETE", "/router/{uuid}")
    async def delete(self, uuid: Uuid) -> None:
        """Delete a router.

        Raises:
            Conflict: It is attached to a network.
        """
        await self._transport.send("DELETE", f"/router/{path_segment(uuid, 'uuid')}")

    @endpoint("GET", "/router")
    async def list(self, *, labels: Labels | None = None) -> tuple[Router, ...]:
        """List routers, also UpCloud's own, which have the type `service`.

        Args:
            labels: Only those that have all of these labels.
        """
        return await self._list("/router", _ROUTERS, label_params(labels))


class NetworkPeerings(Namespace):
    """`cloud.network_peerings`. Chapter "Network peerings" of the API, <https://developers.upcloud.com/1.3/13-networks/>."""

    @endpoint("GET", "/network-peering/{uuid}")
    async def get(self, uuid: Uuid) -> NetworkPeering:
        """A peering."""
        return await self._transport.call("GET", f"/network-peering/{path_segment(uuid, 'uuid')}", _PEERING)

    @endpoint("POST", "/network-peering")
    async def create(self, spec: NetworkPeeringSpec) -> NetworkPeering:
        """Create a peering. It is active when the other side has created its own.

        If the answer is lost, the peering is found by its label.
        """
        disabled = {"configured_status": "disabled"}
        kind = ResourceKind("/network-peering", "network_peering", "network_peerings", before_delete=disabled)
        return await create_labelled(self._core, kind, body_of(spec), _PEERING)

    @endpoint("PATCH", "/network-peering/{uuid}")
    async def modify(self, uuid: Uuid, changes: NetworkPeeringChanges) -> NetworkPeering:
        """Change a peering.

        Args:
            uuid: Uuid of the peering, or the peering itself.
            changes: What to change. Fields that are not given stay as they are.
        """
        body = {"network_peering": body_of(changes)}
        path = f"/network-peering/{path_segment(uuid, 'uuid')}"
        return await self._transport.call("PATCH", path, _PEERING, json=body)

    @endpoint("DELETE", "/network-peering/{uuid}")
    async def delete(self, uuid: Uuid) -> None:
        """Delete a peering.

        Raises:
            Conflict: It is not disabled.
        """
        await self._transport.send("DELETE", f"/network-peering/{path_segment(uuid, 'uuid')}")

    @endpoint("GET", "/network-peering")
    async def list(self, *, labels: Labels | None = None) -> tuple[NetworkPeering, ...]:
        """List peerings.

        Args:
            labels: Only those that have all of these labels.
        """
        return await self._list("/network-peering", _PEERINGS, label_params(labels))
