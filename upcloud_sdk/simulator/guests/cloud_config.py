"""Runs the services of a cloud-config in a guest that is a process.

Such a guest has no packages, no users and no root rights. It runs only the systemd services that the document writes
and starts. Its console lists what is left out.
"""

from __future__ import annotations

import configparser
import json
import shlex
from pathlib import Path, PurePosixPath
from typing import Any, cast

HEADER = "#cloud-config"


def script_for(user_data: str, home: Path) -> str | None:
    """Write the document's files below `home`. Returns a shell script that starts its services.

    None if it is not a cloud-config in JSON. The guest then reports on its console what it cannot run.

    Raises:
        OSError: A file cannot be written.
    """
    first, _, text = user_data.partition("\n")
    if first.rstrip() != HEADER:
        return None
    try:
        document: Any = json.loads(text)
    except ValueError:
        return None
    if not isinstance(document, dict):
        return None
    return _CloudConfig(cast("dict[str, Any]", document), home).script()


class _CloudConfig:
    def __init__(self, document: dict[str, Any], home: Path) -> None:
        self._document = document
        self._home = home
        files: list[dict[str, Any]] = document.get("write_files") or []
        self._files = {str(file["path"]): file for file in files if _is_inside(str(file["path"]))}

    def script(self) -> str:
        for path, file in self._files.items():
            target = self._home / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(self._moved(str(file.get("content", ""))), encoding="utf-8")
            target.chmod(int(str(file.get("permissions", "0644")), 8))
        lines = [f"echo {shlex.quote(f'cloud-config: a process does not run {what}')}" for what in self._left_out()]
        lines += [self._start(unit) for unit in self._units()]
        return "\n".join(["#!/bin/sh", *lines, "wait", ""])

    def _moved(self, text: str) -> str:
        """The text with the paths of written files changed to the guest's home."""
        for folder in sorted({str(PurePosixPath(path).parent) for path in self._files} - {"/"}, reverse=True):
            text = text.replace(folder, f"{self._home}{folder}")
        return text

    def _left_out(self) -> list[str]:
        keys = [key for key in self._document if key not in {"write_files", "runcmd"}]
        return [*keys, *(_shown(each) for each in self._commands() if _unit_started_by(each) not in self._services())]

    def _commands(self) -> list[Any]:
        return list(self._document.get("runcmd") or [])

    def _services(self) -> dict[str | None, configparser.RawConfigParser]:
        found: dict[str | None, configparser.RawConfigParser] = {}
        for path, file in self._files.items():
            if path.startswith("/etc/systemd/system/"):
                unit = configparser.RawConfigParser(strict=False)
                unit.read_string(self._moved(str(file.get("content", ""))))
                if unit.has_option("Service", "ExecStart"):
                    found[PurePosixPath(path).name] = unit
        return found

    def _units(self) -> list[tuple[str, configparser.RawConfigParser]]:
        services = self._services()
        names = [_unit_started_by(each) for each in self._commands()]
        return [(name, services[name]) for name in names if name is not None and name in services]

    def _start(self, unit: tuple[str, configparser.RawConfigParser]) -> str:
        name, settings = unit
        program, *arguments = shlex.split(settings.get("Service", "ExecStart"))
        # If this machine has the program in another folder, find it by its name.
        found = program if Path(program).exists() else PurePosixPath(program).name
        folder = settings.get("Service", "WorkingDirectory", fallback=str(self._home))
        _, is_file, given = settings.get("Service", "StandardInput", fallback="").rpartition("file:")
        reads = f" < {shlex.quote(given)}" if is_file else ""
        ends = {settings.get("Unit", key, fallback="none") for key in ("SuccessAction", "FailureAction")}
        return (
            f"( cd {shlex.quote(folder)} && {shlex.join([found, *arguments])}{reads}; status=$?\n"
            f"echo {shlex.quote(name)}: Main process exited, status=$status\n"
            f"{'poweroff' if ends == {'poweroff'} else ':'} ) &"
        )


def _is_inside(path: str) -> bool:
    return path.startswith("/") and ".." not in PurePosixPath(path).parts


def _unit_started_by(command: object) -> str | None:
    """The unit in a `systemctl start` command."""
    words = shlex.split(command) if isinstance(command, str) else [str(each) for each in _items(command)]
    if words[:2] != ["systemctl", "start"]:
        return None
    return next((word for word in words[2:] if not word.startswith("-")), None)


def _shown(command: object) -> str:
    return command if isinstance(command, str) else shlex.join(str(each) for each in _items(command))


def _items(command: object) -> list[object]:
    return cast("list[object]", command) if isinstance(command, list) else [command]
