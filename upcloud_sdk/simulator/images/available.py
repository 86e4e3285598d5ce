"""The available disk images for guests of the kind `vm`, from `make vm-image`."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

MANIFEST = "image.json"
"""Written last, so that it marks a complete image."""


@dataclass(frozen=True, slots=True)
class VmImage:
    """A file system with kernel and initrd."""

    name: str
    """`debian-13`, or with installed packages `debian-13+buildbot-worker`."""
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
    """The folder of images, in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "upcloud-sdk" / "images"


def available(folder: Path) -> dict[str, VmImage]:
    """The images in a folder by name."""
    found = (VmImage(path.parent.name, path.parent) for path in sorted(folder.glob(f"*/{MANIFEST}")))
    return {image.name: image for image in found if not image.name.startswith(".")}


def recipe_of(image: VmImage) -> str | None:
    """The digest of the recipe that the image was built from."""
    try:
        manifest: dict[str, str] = json.loads((image.folder / MANIFEST).read_text(encoding="utf-8"))
        return manifest.get("recipe")
    except (OSError, ValueError):
        return None
