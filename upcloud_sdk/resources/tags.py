"""Tags."""

from __future__ import annotations

from upcloud_sdk._transport import path_segment
from upcloud_sdk._wire import many, one
from upcloud_sdk.models.groups import Tag, TagChanges, TagSpec
from upcloud_sdk.resources._base import Namespace, body_of, endpoint

_TAG = one(Tag, "tag")
_TAGS = many(Tag, "tags", "tag")


class Tags(Namespace):
    """`cloud.tags`. Chapter "Tags" of the API, <https://developers.upcloud.com/1.3/12-tags/>.

    For main accounts only. Sub-accounts use labels.
    """

    @endpoint("GET", "/tag/{name}")
    async def get(self, name: str) -> Tag:
        """A tag with the uuids of its servers."""
        return await self._transport.call("GET", f"/tag/{path_segment(name, 'name')}", _TAG)

    @endpoint("POST", "/tag")
    async def create(self, spec: TagSpec) -> Tag:
        """Create a tag."""
        return await self._transport.call("POST", "/tag", _TAG, json={"tag": body_of(spec)})

    @endpoint("PUT", "/tag/{name}")
    async def modify(self, name: str, changes: TagChanges) -> Tag:
        """Change a tag.

        Args:
            name: Name of the tag.
            changes: What to change: `name` is the new name, `servers` replaces its servers.
        """
        path = f"/tag/{path_segment(name, 'name')}"
        # A rename is not repeated: the old name may no longer exist.
        answer = await self._transport.send(
            "PUT", path, json={"tag": body_of(changes)}, idempotent=changes.name is None
        )
        return self._transport.decode(f"PUT {path}", answer, _TAG)

    @endpoint("DELETE", "/tag/{name}")
    async def delete(self, name: str) -> None:
        """Delete a tag. Its servers stay."""
        await self._transport.send("DELETE", f"/tag/{path_segment(name, 'name')}")

    @endpoint("GET", "/tag")
    async def list(self) -> tuple[Tag, ...]:
        """All tags."""
        return await self._list("/tag", _TAGS)
