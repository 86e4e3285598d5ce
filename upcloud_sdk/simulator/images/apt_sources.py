"""This machine's apt sources, changed for another release of Debian."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ONE_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>.+)")


def sources_for(codename: str, *, etc: Path = Path("/etc")) -> str:
    """Lines of a `sources.list` for `codename`, from the same archives as this machine's release.

    Args:
        codename: Codename of the Debian release, such as `trixie`.
        etc: Folder of this machine's configuration.

    Raises:
        RuntimeError: This machine is not Debian, or has no source for its release.
    """
    own = _own_codename(etc / "os-release")
    lines = dict.fromkeys(
        f"deb {options}{uri} {codename}{suite.removeprefix(own)} main"
        for options, uri, suite, components in _entries(etc / "apt")
        if uri.startswith(("http://", "https://"))
        and suite in {own, f"{own}-updates", f"{own}-security"}
        and "main" in components.split()
    )
    if not lines:
        raise RuntimeError(
            f"the apt sources of this machine have no archive of {own}: give a sources.list with --sources"
        )
    return "\n".join(lines) + "\n"


def _own_codename(os_release: Path) -> str:
    fields: dict[str, str] = {}
    if os_release.exists():
        for line in os_release.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition("=")
            fields[name] = value.strip('"')
    if fields.get("ID") != "debian" or "VERSION_CODENAME" not in fields:
        raise RuntimeError(
            "images need Debian packages, and this machine is not Debian: "
            "give a sources.list for the release with --sources"
        )
    return fields["VERSION_CODENAME"]


def _entries(apt: Path) -> Iterator[tuple[str, str, str, str]]:
    """Options in brackets, URI, suite and components of each binary source."""
    lists = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*.list"))]
    for path in filter(Path.exists, lists):
        for line in path.read_text(encoding="utf-8").splitlines():
            found = _ONE_LINE.fullmatch(line.partition("#")[0].strip())
            if found is not None:
                options = f"[{found['options']}] " if found["options"] else ""
                yield options, found["uri"], found["suite"], found["components"]
    for path in sorted((apt / "sources.list.d").glob("*.sources")):
        for stanza in re.split(r"\n\s*\n", path.read_text(encoding="utf-8")):
            yield from _stanza_entries(_fields(stanza))


def _fields(stanza: str) -> dict[str, str]:
    """The fields of a deb822 paragraph; continued lines are joined."""
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1].isspace():
            fields[name] = f"{fields.get(name, '')} {line.strip()}"
        else:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields


def _stanza_entries(fields: dict[str, str]) -> Iterator[tuple[str, str, str, str]]:
    if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in {"no", "false"}:
        return
    signed = fields.get("signed-by", "")
    options = f"[signed-by={signed}] " if signed.startswith("/") else ""
    for uri in fields.get("uris", "").split():
        for suite in fields.get("suites", "").split():
            yield options, uri, suite, fields.get("components", "")
