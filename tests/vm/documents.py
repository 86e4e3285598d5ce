"""Cloud-configs that start a worker, as a user would write them."""

from __future__ import annotations

_START = """\
write_files:
  - path: /etc/systemd/system/worker.service
    content: |
      [Unit]
      Description=Buildbot worker
      [Service]
      User=worker
      ExecStart=@PROGRAM@ start --nodaemon /home/worker/worker
      ExecStopPost=+/bin/systemctl poweroff --no-block
users:
  - name: worker
    shell: /bin/sh
"""
_RUN = """\
  - - runuser
    - --user=worker
    - --
    - @PROGRAM@
    - create-worker
    - --maxretries=3
    - /home/worker/worker
    - "@MASTER@"
    - @NAME@
    - @PASSWORD@
  - [systemctl, start, --no-block, worker.service]
"""
_KINDS = {
    "image": ("/usr/bin/buildbot-worker", "", ""),
    "package": ("/usr/bin/buildbot-worker", "packages: [buildbot-worker]\npackage_update: true\n", ""),
    "venv": (
        "/opt/worker/bin/buildbot-worker",
        "",
        "  - [python3, -m, venv, /opt/worker]\n  - [/opt/worker/bin/pip, install, --quiet, buildbot-worker]\n",
    ),
}


def worker_config(kind: str, *, master: str, name: str, password: str) -> str:
    """A document that installs a worker in this way, and starts it; the guest powers off when it gives up."""
    program, head, first = _KINDS[kind]
    text = f"#cloud-config\n{head}{_START}runcmd:\n{first}{_RUN}"
    values = {"@PROGRAM@": program, "@MASTER@": master, "@NAME@": name, "@PASSWORD@": password}
    for token, value in values.items():
        text = text.replace(token, value)
    return text
