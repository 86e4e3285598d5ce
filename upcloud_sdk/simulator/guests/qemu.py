"""The qemu command line of a machine that looks like an UpCloud server."""

from __future__ import annotations

import ipaddress
import shlex
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.guests import _forward
from upcloud_sdk.simulator.guests.metadata import ADDRESS as METADATA_ADDRESS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from upcloud_sdk.simulator.images.available import VmImage

QEMU, QEMU_IMG = "qemu-system-x86_64", "qemu-img"
HOST_ADDRESS = "169.254.169.100"
"""The address where a guest reaches the allowed loopback ports."""

_LINK = "restrict=y,ipv6=off,net=169.254.169.0/24,host=169.254.169.2,dns=169.254.169.3,dhcpstart=169.254.169.15"
_KERNEL = "root=/dev/vda rw console=ttyS0 mitigations=off systemd.show_status=1 systemd.journald.forward_to_console=1"
"""The whole journal goes to the console, since messages about a broken user_data are only there."""


@dataclass(frozen=True, slots=True)
class Nic:
    """An interface of the guest, on a network without other machines."""

    mac: str
    address: str | None = None
    """Address from DHCP. For IPv6, the MAC determines it."""
    network: str | None = None


@dataclass(frozen=True, slots=True)
class VirtualMachine:
    """The parts of a machine. The first of `nics` reaches the host."""

    uuid: str
    image: VmImage
    disk: Path
    console: Path
    metadata_socket: Path
    ports: tuple[int, ...]
    nics: tuple[Nic, ...]
    cores: int
    memory: int
    """MiB."""
    manufacturer: str

    def command(self) -> list[str]:
        """The command. It reads orders in QEMU's machine protocol from standard input."""
        identity = f"manufacturer={_value(self.manufacturer)},product=Server,serial={self.uuid},uuid={self.uuid}"
        return [
            # Emulation is explicit: otherwise qemu uses what the host offers, which may not work. The processor is
            # simple: a guest loads drivers for each feature, which are slow without hardware.
            QEMU, "-machine", "q35,sata=off,smbus=off", "-accel", "tcg,thread=multi,tb-size=512", "-cpu", "Nehalem",
            "-smp", str(self.cores), "-m", str(self.memory),
            "-nodefaults", "-no-user-config", "-display", "none", "-qmp", "stdio",
            "-chardev", f"file,id=console,path={_value(self.console)},append=on", "-serial", "chardev:console",
            "-smbios", f"type=1,{identity}",
            "-kernel", str(self.image.kernel), "-initrd", str(self.image.initrd), "-append", _KERNEL,
            "-drive", f"file={_value(self.disk)},if=none,id=disk,format=qcow2,cache=unsafe",
            "-device", "virtio-blk-pci,drive=disk", "-device", "virtio-rng-pci",
            *self._network(),
        ]  # fmt: skip

    def _network(self) -> Iterator[str]:
        for number, nic in enumerate(self.nics):
            options = ",".join((_LINK, *self._forwards())) if number == 0 else _closed(nic)
            yield from ("-netdev", f"user,id=net{number},{options}")
            yield from ("-device", f"virtio-net-pci,netdev=net{number},mac={nic.mac},romfile=")

    def _forwards(self) -> Iterable[str]:
        yield _forward_option(METADATA_ADDRESS, 80, str(self.metadata_socket), self.uuid)
        for port in self.ports:
            yield _forward_option(HOST_ADDRESS, port, str(port))


def _value(text: object) -> str:
    """Escape a value in qemu's comma-separated options."""
    return str(text).replace(",", ",,")


def _forward_option(address: str, port: int, *arguments: str) -> str:
    command = shlex.join([sys.executable, "-I", "-S", _forward.__file__, *arguments])
    return f"guestfwd=tcp:{address}:{port}-cmd:{_value(command)}"


def _closed(nic: Nic) -> str:
    """A network where the interface gets its address, but nobody answers."""
    if nic.address is None or nic.network is None:
        return "restrict=y,ipv6=off"
    network, own = ipaddress.ip_network(nic.network, strict=False), ipaddress.ip_address(nic.address)
    if network.version == 6:
        return f"restrict=y,ipv4=off,ipv6-net={network}"
    others = [host for host, _ in zip(network.hosts(), range(3), strict=False) if host != own]
    if len(others) < 2:  # too small for the two addresses that qemu needs
        return "restrict=y,ipv6=off"
    return f"restrict=y,ipv6=off,net={network},host={others[0]},dns={others[1]},dhcpstart={own}"


def create_disk_command(image: VmImage, disk: Path, gigabytes: int, contents: Path | None = None) -> list[str]:
    """The command to make a disk on top of the image or another disk. It contains only the changes."""
    start = ["-b", str(image.root), "-F", "raw"] if contents is None else ["-b", str(contents), "-F", "qcow2"]
    return [QEMU_IMG, "create", "-q", "-f", "qcow2", *start, str(disk), f"{gigabytes}G"]
