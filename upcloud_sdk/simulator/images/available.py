"""The disk images that guests of the kind `vm` start from, where `make vm-image` puts them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

MANIFEST = "image.json"
"""Written last: an image that has one is whole."""


@dataclass(frozen=True, slots=True)
class VmImage:
    """A file system and what boots it."""

    name: str
    """`debian-13`; with packages that are in it, `debian-13+buildbot-worker`."""
    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "root.img"

    @property
    def kernel(self) -> Path:
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        return self.folder / "initrd.img"


def images_folder() -> Path:
    """Where images are: in the user's cache, outside any repository."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "upcloud-sdk" / "images"


def available(folder: Path) -> dict[str, VmImage]:
    """The images in a folder by name."""
    found = (VmImage(path.parent.name, path.parent) for path in sorted(folder.glob(f"*/{MANIFEST}")))
    return {image.name: image for image in found if not image.name.startswith(".")}


def recipe_of(image: VmImage) -> str | None:
    """What the image was made by, as its builder noted it."""
    try:
        manifest: dict[str, str] = json.loads((image.folder / MANIFEST).read_text(encoding="utf-8"))
        return manifest.get("recipe")
    except (OSError, ValueError):
        return None
