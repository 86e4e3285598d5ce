"""Guests that are real machines: a started server boots an unmodified Debian in qemu, which runs its user_data."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from upcloud_sdk.simulator.guests import _vm, qemu
from upcloud_sdk.simulator.guests.metadata import network_of
from upcloud_sdk.simulator.guests.supervised import SupervisedGuests
from upcloud_sdk.simulator.images.available import VmImage, available, images_folder
from upcloud_sdk.simulator.records.records import Storage
from upcloud_sdk.simulator.state.guest_backend import boot_device
from upcloud_sdk.simulator.wire.calls import ApiFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from upcloud_sdk.simulator.guests.metadata_service import MetadataService
    from upcloud_sdk.simulator.records.records import Interface, Server
    from upcloud_sdk.simulator.state.account_state import AccountState

_LEAST_MEMORY = 512
_OVERHEAD = 256
"""Memory that qemu itself may use, in MiB."""
_CREATE_SECONDS = 30
_IMAGE_LABEL = "_simulator_image"
_IMAGE_SIZE = 10
"""GB."""


class _Contents(NamedTuple):
    """Contents of a copied storage."""

    image: VmImage
    """The image that it began as, which also boots it."""
    file: Path | None
    """The file with the changes since. None if there are none."""


class VmGuests(SupervisedGuests):
    """Boots a qemu machine for each started server. Machines can reach only their metadata and the given ports.

    Build images with `make vm-image` or `python -m upcloud_sdk.simulator.images`. A server from a Debian template boots
    the image of its release. Each other image is a public template with its name. The machines end with this process,
    even if it is killed.

    Args:
        ports: Loopback ports that guests can reach at 169.254.169.100, such as those of a build master.
        images: The folder of the images. None: where they are built.
        machines: Maximum number of servers that are not stopped. More are refused for lack of capacity.
        memory: Maximum memory of a machine in MiB, also for larger plans.
        cores: Maximum number of cores of a machine.
        manufacturer: Manufacturer in the machine's firmware, by which cloud-init recognises the cloud.

    Raises:
        ValueError: An argument is out of range.
        RuntimeError: qemu or an image is missing.
    """

    def __init__(
        self,
        *,
        ports: Iterable[int] = (),
        images: str | os.PathLike[str] | None = None,
        machines: int = 2,
        memory: int = 1024,
        cores: int = 2,
        manufacturer: str = "UpCloud",
    ) -> None:
        super().__init__()
        self._ports = tuple(dict.fromkeys(ports))
        for port in self._ports:
            if not 1 <= port <= 65_535:
                raise ValueError(f"{port} is not a valid port: give numbers from 1 to 65535")
        if machines < 1 or cores < 1 or memory < _LEAST_MEMORY:
            raise ValueError(f"guests need at least 1 machine, 1 core and {_LEAST_MEMORY} MiB of memory")
        self._most, self._memory, self._cores, self._manufacturer = machines, memory, cores, manufacturer
        _check_programs()
        folder = images_folder() if images is None else Path(images)
        self._images = available(folder)
        if not self._images:
            command = "python -m upcloud_sdk.simulator.images"
            raise RuntimeError(f"there is no image for guests in {folder}: build one with {command}")
        self._contents: dict[str, _Contents] = {}
        """Contents of copied storages by uuid, for the life of this process."""
        self._cloud: AccountState | None = None
        self._metadata: MetadataService | None = None

    def open(self, cloud: AccountState) -> None:
        self._cloud = cloud
        for number, name in enumerate(self._images):
            if "+" in name:
                uuid = f"01000000-0000-4000-8000-0001990{number:02}100"
                template = Storage(uuid, name, _IMAGE_SIZE, type="template", access="public")
                template.template_type = "cloud-init"
                cloud.catalog.storages[uuid] = template
                cloud.catalog.os_labels[uuid] = {_IMAGE_LABEL: name}

    def admit(self, server: Server, disk: Storage | None) -> None:
        assert self._cloud is not None
        if disk is None or self._image_of(disk) is None:
            known = ", ".join(self._images)
            what = "the server has no disk" if disk is None else f"there is no image for {disk.title}"
            message = f"Guests are machines that boot one of these images: {known}; {what}."
            raise ApiFault(400, "STORAGE_INVALID", message)
        others = [each for each in self._cloud.servers.values() if each.uuid != server.uuid and each.state != "stopped"]
        if len(others) >= self._most:
            message = f"The simulator runs at most {self._most} machines at a time; see --max-guests."
            raise ApiFault(409, "SERVER_RESOURCES_UNAVAILABLE", message)
        needed, there = self._memory_of(server) + _OVERHEAD, _free_memory()
        if there is not None and there < needed:
            message = f"The guest needs {needed} MiB of memory, and this machine has {there} left; see --guest-memory."
            raise ApiFault(409, "SERVER_RESOURCES_UNAVAILABLE", message)

    def copy_disk(self, source: Storage, copy: Storage) -> None:
        image = self._image_of(source)
        if image is None:
            return
        there = self._disk_of(source)
        if there is not None and copy.type == "normal" and copy.servers == [] and source.type == "template":
            # A disk of a new server: contains only its changes.
            self._contents[copy.uuid] = _Contents(image, there)
            return
        file = None if there is None else self._folder() / f"{copy.uuid}.qcow2"
        if there is not None and file is not None:
            shutil.copyfile(there, file)
        self._contents[copy.uuid] = _Contents(image, file)

    def _disk_of(self, storage: Storage) -> Path | None:
        """The file with a storage's contents. None if it is the unchanged image."""
        for uuid in storage.servers:
            disk = self._folder() / uuid / "disk.qcow2"
            if disk.exists():
                return disk
        contents = self._contents.get(storage.uuid)
        return None if contents is None else contents.file

    def _image_of(self, disk: Storage) -> VmImage | None:
        assert self._cloud is not None
        if disk.uuid in self._contents:
            return self._contents[disk.uuid].image
        labels = self._cloud.template_labels(disk)
        name = f"{labels.get('_os_brand_name', '').lower()}-{labels.get('_os_brand_version')}"
        return self._images.get(labels.get(_IMAGE_LABEL, name))

    def _memory_of(self, server: Server) -> int:
        return min(server.memory_amount, self._memory)

    def _prepare(self, server: Server, scratch: Path) -> tuple[list[str], Mapping[str, str]]:
        assert self._cloud is not None
        device = boot_device(server.devices)
        storage = None if device is None else self._cloud.any_storage(device.storage)
        image = None if storage is None else self._image_of(storage)
        if storage is None or image is None:
            raise OSError("there is no image for its disk")
        if not any(map(_ipv4, server.interfaces)):
            raise OSError("the server has no IPv4 interface, which its guest needs for its metadata")
        disk = scratch / "disk.qcow2"
        if not disk.exists():
            contents = self._contents.get(storage.uuid)
            _create_disk(image, disk, storage.size, None if contents is None else contents.file)
        machine = qemu.VirtualMachine(
            uuid=server.uuid,
            image=image,
            disk=disk,
            console=scratch / "console.log",
            metadata_socket=self._metadata_socket(),
            ports=self._ports,
            nics=tuple(self._nics(server)),
            cores=min(server.core_number, self._cores),
            memory=self._memory_of(server),
            manufacturer=self._manufacturer,
        )
        return [_vm.__file__, str(scratch), *machine.command()], {"PATH": os.environ.get("PATH", os.defpath)}

    def _metadata_socket(self) -> Path:
        """The socket of the metadata service. Starts the service if needed."""
        assert self._cloud is not None
        path = self._folder() / "metadata.sock"
        if self._metadata is None:
            from upcloud_sdk.simulator.guests.metadata_service import MetadataService  # noqa: PLC0415 - POSIX only

            self._metadata = MetadataService(self._cloud, path)
        return path

    def _nics(self, server: Server) -> Iterator[qemu.Nic]:
        """The interfaces. The one that reaches the metadata comes first."""
        assert self._cloud is not None
        for interface in sorted(server.interfaces, key=lambda each: not _ipv4(each)):
            for address in interface.ip_addresses[:1]:
                yield qemu.Nic(interface.mac, address.address, network_of(self._cloud, interface).address)

    def close(self) -> None:
        if self._metadata is not None:
            self._metadata.close()
            self._metadata = None
        super().close()


def _ipv4(interface: Interface) -> bool:
    return any(address.family == "IPv4" for address in interface.ip_addresses)


def _check_programs() -> None:
    if not sys.platform.startswith("linux"):
        raise RuntimeError("guests of the kind vm need Linux; on other systems use the kind process")
    for program, package in ((qemu.QEMU, "qemu-system-x86"), (qemu.QEMU_IMG, "qemu-utils")):
        if shutil.which(program) is None:
            raise RuntimeError(f"guests of the kind vm need {program}: apt-get install {package}")


def _create_disk(image: VmImage, disk: Path, gigabytes: int, contents: Path | None) -> None:
    """Raises OSError."""
    done = subprocess.run(  # noqa: S603 - a known program
        qemu.create_disk_command(image, disk, gigabytes, contents),
        capture_output=True,
        text=True,
        timeout=_CREATE_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise OSError(done.stderr.strip())


def _free_memory() -> int | None:
    """Available memory in MiB. None if not known."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return None
