"""`python -m upcloud_sdk.simulator.images`: builds the images that guests of the kind `vm` start from.

An image is an unmodified Debian with its cloud-init. mmdebstrap builds it from this machine's package archives. Guests
have no network access to archives, so the image contains the packages that they can install.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.images import apt_sources
from upcloud_sdk.simulator.images.available import MANIFEST, VmImage, available, images_folder, recipe_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_PACKAGES = (
    "ca-certificates", "cloud-init", "curl", "dbus", "e2fsprogs", "initramfs-tools", "iproute2",
    "linux-image-cloud-amd64", "netplan.io", "openssh-server", "procps", "python3", "python3-venv", "sudo", "systemd",
    "systemd-resolved", "systemd-sysv", "udev", "zstd",
)  # fmt: skip
_NEEDED = {"mmdebstrap": "mmdebstrap", "mke2fs": "e2fsprogs", "dpkg-deb": "dpkg"}
_DPKG_OPTIONS = (
    "force-unsafe-io", "path-exclude=/usr/share/doc/*", "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/locale/*", "path-exclude=/usr/share/man/*",
)  # fmt: skip
"""Also applied to the image, since each file costs time in an emulated guest."""
_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux2014_x86_64", "any")
_SYSTEM_PROGRAMS = "/usr/sbin:/sbin"
"""Folders of mke2fs, which are not on every PATH."""
_LIMIT = 1800.0
"""Limit for one step, in seconds."""
_TAIL = 20
_AT_ONCE = 2
"""Number of concurrent builds. Each build uses one core at a time."""


@dataclass(frozen=True, slots=True)
class _Release:
    codename: str
    dhcp_client: str
    """The DHCP client that this release's cloud-init uses."""
    python: str


_RELEASES = {
    "debian-12": _Release("bookworm", "isc-dhcp-client", "3.11"),
    "debian-13": _Release("trixie", "dhcpcd-base", "3.13"),
}


class BuildError(RuntimeError):
    """The image cannot be built. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The recipe of an image.

    Args:
        name: A release such as `debian-13`, and each installed package after a `+`.
        offer_debs: Debian packages that a guest can install.
        offer_wheels: Python packages that a guest can install with pip.
        sources: Lines of a `sources.list`. None: those of this machine.

    Raises:
        BuildError: There is no recipe for the release.
    """

    name: str
    offer_debs: Sequence[str] = ()
    offer_wheels: Sequence[str] = ()
    sources: str | None = None

    def __post_init__(self) -> None:
        _ = self.release

    @property
    def release(self) -> _Release:
        base = self.name.partition("+")[0]
        if base not in _RELEASES:
            raise BuildError(f"there is no recipe for {base}, only for {', '.join(_RELEASES)}")
        return _RELEASES[base]

    @property
    def packages(self) -> list[str]:
        return [*_PACKAGES, self.release.dhcp_client, *self.name.split("+")[1:]]

    def digest(self) -> str:
        """Changes whenever the image changes, except for new versions of packages."""
        scripts = [_script(name) for name in ("setup.sh", "finish.sh")]
        parts = [self.packages, _DPKG_OPTIONS, list(self.offer_debs), list(self.offer_wheels), scripts]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _script(name: str) -> str:
    return resources.files("upcloud_sdk.simulator.images").joinpath(name).read_text(encoding="utf-8")


def build(recipe: Recipe, folder: Path) -> VmImage:
    """Build an image into `folder`. Replaces an older one with the same name.

    Raises:
        BuildError: A program is missing or failed.
    """
    sources = recipe.sources or _own_sources(recipe.release.codename)
    check_programs()
    folder.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{recipe.name}.", dir=folder))
    try:
        _bootstrap(recipe, work, sources)
        manifest = {"name": recipe.name, "recipe": recipe.digest(), "packages": recipe.packages}
        (work / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        target = folder / recipe.name
        shutil.rmtree(target, ignore_errors=True)
        work.rename(target)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    return VmImage(recipe.name, target)


def check_programs() -> None:
    """Raise BuildError if a program is missing."""
    missing = sorted(package for program, package in _NEEDED.items() if shutil.which(program, path=_path()) is None)
    if missing:
        raise BuildError(f"tools for building images are missing: apt-get install {' '.join(missing)}")
    if os.geteuid() != 0 and shutil.which("newuidmap") is None:
        raise BuildError("without root, images are built in a user namespace: apt-get install uidmap")


def _path() -> str:
    return f"{os.environ.get('PATH', os.defpath)}:{_SYSTEM_PROGRAMS}"


def _own_sources(codename: str) -> str:
    try:
        return apt_sources.sources_for(codename)
    except RuntimeError as error:
        raise BuildError(str(error)) from None


def _bootstrap(recipe: Recipe, work: Path, sources: str) -> None:
    work.chmod(0o755)  # mmdebstrap enters it as another user
    scripts = work / "scripts"
    scripts.mkdir()
    for name in ("setup.sh", "finish.sh"):
        (scripts / name).write_text(_script(name), encoding="utf-8")
    environment = {**os.environ, "PATH": _path(), "OFFER_DEBS": " ".join(recipe.offer_debs), "LC_ALL": "C.UTF-8"}
    if recipe.offer_wheels:
        environment["WHEELS"] = str(scripts / "wheels")
        _run(_download_wheels(recipe, scripts / "wheels"), environment)
    _run(
        [
            "mmdebstrap", "--variant=minbase", f"--include={','.join(recipe.packages)}",
            *(f"--dpkgopt={option}" for option in _DPKG_OPTIONS),
            f'--customize-hook=sh "{scripts}/setup.sh" "$1"',
            recipe.release.codename, str(work / "root.tar"), "-",
        ],
        environment,
        sources,
    )  # fmt: skip
    as_root = [] if os.geteuid() == 0 else ["mmdebstrap", "--unshare-helper"]
    _run([*as_root, "sh", str(scripts / "finish.sh"), str(work)], environment)
    shutil.rmtree(scripts)


def _download_wheels(recipe: Recipe, target: Path) -> list[str]:
    platforms = [f"--platform={name}" for name in _PLATFORMS]
    return [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--only-binary=:all:",
        f"--python-version={recipe.release.python}", *platforms, f"--dest={target}", *recipe.offer_wheels,
    ]  # fmt: skip


def _run(command: list[str], environment: dict[str, str], text: str = "") -> None:
    try:
        done = subprocess.run(  # noqa: S603 - known programs
            command, input=text, env=environment, text=True, capture_output=True, timeout=_LIMIT, check=False
        )
    except subprocess.TimeoutExpired:
        raise BuildError(f"{command[0]} did not finish within {_LIMIT:g} s") from None
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-_TAIL:])
        raise BuildError(f"{Path(command[0]).name} failed with status {done.returncode}. Its last output:\n{said}")


def main(argv: list[str] | None = None) -> int:
    """Build missing and outdated images. Returns the exit status."""
    args = _arguments(argv)
    folder: Path = args.folder
    sources = None if args.sources is None else args.sources.read_text(encoding="utf-8")
    try:
        recipes = [Recipe(name, args.offer_deb, args.offer_wheel, sources) for name in dict.fromkeys(args.images)]
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                list(pool.map(partial(_make, folder=folder, again=args.again), recipes))
    except (BuildError, OSError) as error:
        print(f"upcloud_sdk.simulator.images: {error}", file=sys.stderr)
        return 1
    return 0


def _make(recipe: Recipe, *, folder: Path, again: bool) -> None:
    there = available(folder).get(recipe.name)
    if there is not None and recipe_of(there) == recipe.digest() and not again:
        print(f"{there.folder}: exists", flush=True)
        return
    began = time.monotonic()
    print(f"building {recipe.name} ...\n", end="", flush=True)  # in one write, since others print too
    image = build(recipe, folder)
    print(f"{image.folder}: built in {time.monotonic() - began:.0f} s\n", end="", flush=True)


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m upcloud_sdk.simulator.images",
        description="Build disk images for simulated servers that are real machines. Existing images are kept.",
    )
    parser.add_argument(
        "images",
        nargs="*",
        default=["debian-13"],
        help=f"{' or '.join(_RELEASES)}; add +PACKAGE to install a package (default: debian-13)",
    )
    parser.add_argument("--folder", type=Path, default=images_folder(), help="default: %(default)s")
    parser.add_argument("--offer-deb", action="append", default=[], help="a Debian package that guests can install")
    parser.add_argument("--offer-wheel", action="append", default=[], help="a Python package that guests can install")
    parser.add_argument("--sources", type=Path, help="a sources.list to use instead of this machine's")
    parser.add_argument("--again", action="store_true", help="build existing images again, for newer packages")
    args = parser.parse_args(argv)
    if args.sources is not None and not args.sources.is_file():
        parser.error(f"--sources: there is no file {args.sources}")
    return args
