"""The recipe of an image: data with a digest."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence  # noqa: TC003 - pydantic reads them
from pathlib import PurePath
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from upcloud_sdk._wire import FrozenDict
from upcloud_sdk._wire.models import Frozen
from upcloud_sdk.images.guest import Command, user_data
from upcloud_sdk.images.secrets import MARK, secret_in
from upcloud_sdk.models.fields import Size  # noqa: TC001 - pydantic reads it

FORMAT = 1
"""Part of each digest. Increased when a release bakes so differently that old images must be replaced."""

MOST_DATA = 65_535
"""Limit for the document that the server of a bake gets, in bytes: the API limits user_data."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def _as_tuples(value: object) -> object:
    if isinstance(value, str):
        raise ValueError("commands is a list: write commands=['...']")  # noqa: TRY004 - pydantic wants a ValueError
    if not isinstance(value, list | tuple):
        return value
    given = cast("Sequence[object]", value)
    return tuple(tuple(cast("list[object]", each)) if isinstance(each, list) else each for each in given)


def _check_commands(commands: Sequence[Command]) -> Sequence[Command]:
    for number, command in enumerate(commands, 1):
        if not (command.strip() if isinstance(command, str) else command):
            raise ValueError(f"command {number} is empty")
        if "\0" in "".join(command):
            raise ValueError(f"command {number} contains a null character")
        found = secret_in(command if isinstance(command, str) else " ".join(command))
        if found:
            raise ValueError(_no_secret(f"command {number}", found))
    return commands


def _refuse_paths(files: object) -> object:
    whole = files
    given = cast("dict[object, object]", files) if isinstance(files, dict) else {}
    for path, content in given.items():
        if isinstance(content, PurePath):
            raise ValueError(f"file {path}: its content is text: write Path({str(content)!r}).read_text()")  # noqa: TRY004 - pydantic wants a ValueError
    return whole


def _check_files(files: Mapping[str, str]) -> FrozenDict[str, str]:
    for path, content in files.items():
        if not path.startswith("/") or path.endswith("/") or "/../" in path:
            raise ValueError(f"files contains {path!r}: give full paths, such as '/etc/motd'")
        found = secret_in(content)
        if found:
            raise ValueError(_no_secret(f"file {path}", found))
    return FrozenDict(files)


def _no_secret(where: str, found: str) -> str:
    return (
        f"{where} seems to contain {found}, and everybody who uses the image can read it: give secrets to "
        f"servers when they are created, or to builds. If it is no secret, write `# {MARK}` on its line"
    )


def _check_name(name: str | None) -> str | None:
    if name is not None and _NAME.fullmatch(name) is None:
        raise ValueError("a name has 1 to 63 letters, digits, `.`, `_` and `-`, and begins with a letter or digit")
    return name


class Recipe(BaseModel, metaclass=Frozen):
    """How to make an image: a base template, and the commands and files to add. Frozen.

    Don't put secrets here: everybody who can create a server from the image can read them. Recognised secrets are
    refused: private keys, tokens of UpCloud, GitHub, GitLab and others, and passwords in URLs and in `password=...`. A
    line with `pragma: allowlist secret` is not checked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, protected_namespaces=())

    base: Annotated[str, Field(min_length=1)]
    """The base template: its slug, such as `debian-13`, its exact title, or its uuid. It must have cloud-init."""
    commands: Annotated[Sequence[Command], BeforeValidator(_as_tuples), AfterValidator(_check_commands)] = ()
    """Commands, run as root in this order: a string with `sh -e`, a list without a shell. A failure ends the bake."""
    files: Annotated[Mapping[str, str], BeforeValidator(_refuse_paths), AfterValidator(_check_files)] = Field(
        default_factory=FrozenDict[str, str]
    )
    """Text files to write before the commands run, by full path. Owner root, mode 0644."""
    size: Size | None = None
    """Size of the image in GB, which is also the smallest possible disk. None: the size of the base."""
    name: Annotated[str | None, AfterValidator(_check_name)] = None
    """Name of all versions: `images.prune` finds older ones by it. Not part of the digest."""

    def model_post_init(self, _: Any, /) -> None:  # noqa: ANN401 - pydantic's
        """Refuse a recipe that is too large for user_data."""
        written = len(user_data(self.commands, self.files).encode())
        if written > MOST_DATA:
            raise ValueError(
                f"commands and files make a document of {written} bytes, and user_data can have {MOST_DATA}: "
                "let a command download large files"
            )

    @property
    def digest(self) -> str:
        """32 hexadecimal digits that identify `base`, `commands`, `files` and `size`.

        The same in each process. A new release changes it only if it bakes differently (see the changelog).
        """
        # Not cached: a copy with other commands would keep the digest.
        what = [FORMAT, self.base, self.commands, sorted(self.files.items()), self.size]
        text = json.dumps(what, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @property
    def title(self) -> str:
        """Title of its images: its name, or without a name its base, and the beginning of its digest."""
        return f"{self.name or self.base[:60]} {self.digest[:12]}"
