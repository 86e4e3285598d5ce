"""The user_data of a server that becomes an image: run the commands, power off, clean up at the next start.

The API shows only whether a guest is on or off. So the guest reports success in two steps. It powers off when its
commands have ended, with or without success. At the next start it cleans itself and powers off immediately, but only if
all commands succeeded. If one failed, or somebody switched the server off, it stays on. The clean-up runs at the second
start because nothing else runs then that would write files: it runs before cloud-init, the journal and the network.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence

Command = str | Sequence[str]

_FOLDER = "/var/lib/upcloud-sdk-image"
_DONE = f"{_FOLDER}/done"
_UNIT = "upcloud-sdk-image.service"
_UNIT_FILE = f"/etc/systemd/system/{_UNIT}"

_CLEAN = f"""\
#!/bin/sh
# Runs before this machine's disk becomes an image, and removes what belongs to this machine only.
set -eu
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
cloud-init clean --logs
rm -rf /var/lib/cloud/*
rm -f /etc/netplan/50-cloud-init.yaml /etc/network/interfaces.d/50-cloud-init /etc/ssh/sshd_config.d/50-cloud-init.conf
rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub
if grep -q ' /etc/machine-id ' /proc/mounts; then umount /etc/machine-id; fi
: > /etc/machine-id
if [ ! -L /var/lib/dbus/machine-id ]; then rm -f /var/lib/dbus/machine-id; fi
rm -f /var/lib/systemd/random-seed /var/lib/systemd/credential.secret
rm -rf /var/log/journal/* /run/log/journal/*
find /var/log -type f \\( -name '*.gz' -o -name '*.[0-9]' \\) -delete
find /var/log -type f -exec truncate -s 0 {{}} +
rm -rf /var/lib/dhcp/* /var/lib/dhcpcd/* /var/cache/apt/archives/*.deb /var/lib/apt/lists/* /var/tmp/* /tmp/*
rm -f /root/.bash_history /root/.wget-hsts
rm -f /etc/systemd/system/sysinit.target.wants/{_UNIT} {_UNIT_FILE}
rm -rf {_FOLDER}
sync
systemctl poweroff --force
"""

_SERVICE = f"""\
[Unit]
Description=Leave nothing of this machine in its image
DefaultDependencies=no
ConditionPathExists={_DONE}
After=local-fs.target
Before=sysinit.target systemd-journal-flush.service systemd-random-seed.service
Before=cloud-init-local.service cloud-init-main.service systemd-networkd.service network-pre.target ssh.service

[Service]
Type=oneshot
ExecStart=/bin/sh {_FOLDER}/clean
StandardOutput=journal+console
StandardError=journal+console

[Install]
WantedBy=sysinit.target
"""


def user_data(commands: Sequence[Command], files: Mapping[str, str]) -> str:
    """The cloud-config document of a server that becomes an image, for the commands and files of its recipe."""
    document: dict[str, object] = {
        "write_files": [
            *({"path": path, "content": content} for path, content in sorted(files.items())),
            {"path": f"{_FOLDER}/clean", "permissions": "0700", "content": _CLEAN},
            {"path": f"{_FOLDER}/commands", "permissions": "0700", "content": _script(commands, _NOTE_DONE)},
            {"path": _UNIT_FILE, "permissions": "0644", "content": _SERVICE},
        ],
        "runcmd": [["sh", f"{_FOLDER}/commands"]],
        # After cloud-init, whether the commands succeeded or not.
        "power_state": {"mode": "poweroff", "delay": "now", "timeout": 60, "condition": True},
    }
    # JSON is valid YAML, and needs no quoting rules.
    return "#cloud-config\n" + json.dumps(document, indent=1) + "\n"


_NOTE_DONE = f"systemctl daemon-reload && systemctl enable --quiet {_UNIT} && touch {_DONE} && sync || exit 1\n"


def _script(commands: Sequence[Command], end: str) -> str:
    steps = [
        f"step {number} {shlex.join(['sh', '-e', '-c', command] if isinstance(command, str) else command)}\n"
        for number, command in enumerate(commands, 1)
    ]
    return (
        "#!/bin/sh\n"
        "cd /\n"
        "export HOME=/root DEBIAN_FRONTEND=noninteractive\n"
        "step() {\n"
        "    number=$1; shift\n"
        '    echo "upcloud-sdk: command $number"\n'
        '    "$@" < /dev/null || { echo "upcloud-sdk: command $number has failed with status $?"; exit 1; }\n'
        "}\n" + "".join(steps) + end + 'echo "upcloud-sdk: all commands have ended"\n'
    )


def for_a_server(commands: Sequence[Command], files: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """For a server that is used directly, without an image: files to write, and one command to run as root.

    If a command of the recipe fails, the next ones are not run, and the server is switched off.
    """
    written = {**files, f"{_FOLDER}/commands": _script(commands, "")}
    return written, f"sh {_FOLDER}/commands || {{ systemctl poweroff; sleep 3600; }}"
