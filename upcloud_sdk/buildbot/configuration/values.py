"""Reads the values of a worker's arguments. A wrong one is refused with a sentence that does not show it."""

from __future__ import annotations

import ipaddress
import re
import traceback
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Literal, TypeGuard, cast

from pydantic import Field, InstanceOf, PlainValidator, SecretStr, TypeAdapter, ValidationError
from twisted.internet.defer import FirstError

from upcloud_sdk import Recipe
from upcloud_sdk.buildbot._buildbot.api import IRenderable
from upcloud_sdk.buildbot.configuration.bootstrap import INSTALLS, Bootstrap
from upcloud_sdk.models import InterfaceSpec, ServerGroupSpec, StorageDeviceSpec
from upcloud_sdk.placement import Budget, PaidHour, Standby

Read = Callable[[Any], Any]
Render = Callable[[Any], Awaitable[Any]]
_MASTER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+)(?::([0-9]{1,5}))?")
_INSTALLS = ", ".join(map(repr, sorted(INSTALLS)))


class NotRendered(Exception):
    """An argument cannot be rendered now. The message names it and the kind of the error, but shows no value."""


def _is(words: str, kind: Any, *, needed: bool = False) -> Read:  # noqa: ANN401 - any type
    """Reads a value of a type, and refuses others with a sentence that does not show the value.

    Accepts what contains something renderable. `needed`: refuses None.
    """
    adapter = TypeAdapter[Any](kind)

    def read(value: Any) -> Any:  # noqa: ANN401 - whatever stands in a master.cfg
        if (value is None and not needed) or not is_static(value):
            return value
        try:
            return adapter.validate_python(value)
        except ValidationError:
            kinds = sorted({type(item).__name__ for item in _items(value)})
            of = f" of {', '.join(kinds)}" if kinds else ""
        raise ValueError(f"{words}, not {type(value).__name__}{of}")

    return read


_NUMBER = Annotated[float, Field(strict=True, allow_inf_nan=False)]
_FLAG = Annotated[bool, Field(strict=True)]
_STR = Annotated[str, Field(strict=True)]
_text = _is("text", _STR)
_size = _is("a whole number above 0", Annotated[int, Field(gt=0)])
_flag = _is("True or False", _FLAG)
_limit = _is("a whole number above 0, or None for no limit", Annotated[int, Field(strict=True, ge=1)])
_seconds = _is("a number of seconds above 0", Annotated[_NUMBER, Field(gt=0)], needed=True)
_labels = _is("a mapping of texts", dict[_STR, _STR])
_networks = _is("a list of names, uuids and InterfaceSpec", tuple[_STR | InstanceOf[InterfaceSpec], ...])

_HOST: Mapping[str, Read] = {
    "zone": _text,
    "plan": _text,
    "hostname": _text,
    "ssh_keys": _is("a list of public keys", tuple[_STR, ...]),
    "os_disk_size": _size,
    "core_number": _size,
    "memory_amount": _size,
    "user_data": _text,
    "tier": _text,
    "encrypted": _flag,
    "username": _text,
    "metadata": _flag,
    "timezone": _text,
}
HOST_KEYS = frozenset(_HOST)
"""The keys of `hostconfig`. Those down to `user_data` are of the worker that ships with Buildbot."""

_BUILDBOT: Mapping[str, Read] = {
    "password": _text,
    "build_wait_timeout": _is("a number of seconds, or a PaidHour", _NUMBER | InstanceOf[PaidHour], needed=True),
    "max_builds": _limit,
    "check_instance_interval": _seconds,
    "missing_timeout": _is("a number of seconds, or None", Annotated[_NUMBER, Field(ge=0)]),
}
"""Arguments of Buildbot's own, which it does not check."""


def _items(value: object) -> Collection[object]:
    if is_mapping(value):
        return value.values()
    return cast("Sequence[object]", value) if isinstance(value, list | tuple) else ()


def _read_host(value: Any) -> Any:  # noqa: ANN401 - whatever stands in a master.cfg
    if value is None or is_renderable(value):
        return value
    if not is_mapping(value):
        raise ValueError(f"a mapping, not {type(value).__name__}")
    wrong = [f"hostconfig has no {key!r}{suggestion(str(key), HOST_KEYS)}" for key in value if key not in HOST_KEYS]
    host: dict[str, Any] = {}
    for key in HOST_KEYS & value.keys():
        try:
            host[key] = _HOST[key](value[key])
        except ValueError as error:
            wrong.append(f"hostconfig[{key!r}] is {error}")
    if wrong:
        raise ValueError("; ".join(wrong))
    return {key: host[key] for key in value}


def _read_image(value: Any) -> Any:  # noqa: ANN401 - the same
    if is_mapping(value) and not is_renderable(value):
        return _labels(value)
    if not (value is None or is_renderable(value) or callable(value) or isinstance(value, str | re.Pattern | Recipe)):
        kinds = "a Recipe, a uuid, a title, a compiled expression, a function or a mapping of labels"
        raise ValueError(f"{kinds}, not {type(value).__name__}")
    return value  # pyright: ignore[reportUnknownVariableType]  # as it was


def _read_networks(value: Any) -> Any:  # noqa: ANN401 - the same
    return _networks((value,) if isinstance(value, str | InterfaceSpec) else value)


TEXT = PlainValidator(_text)
SECRET = PlainValidator(_is("text, or a SecretStr", _STR | InstanceOf[SecretStr]))
NAMES = PlainValidator(_is("a list of names, at least one", Annotated[tuple[_STR, ...], Field(min_length=1)]))
SECONDS = PlainValidator(_seconds)
FLAG = PlainValidator(_is("True or False", _FLAG, needed=True))
FIREWALL = PlainValidator(_flag)
HOST = PlainValidator(_read_host)
IMAGE = PlainValidator(_read_image)
LABELS = PlainValidator(_labels)
NETWORKS = PlainValidator(_read_networks)
STORAGES = PlainValidator(_is("a list of StorageDeviceSpec", tuple[InstanceOf[StorageDeviceSpec], ...]))
GROUP = PlainValidator(
    _is("a uuid, or a ServerGroupSpec for a group to find or create", _STR | InstanceOf[ServerGroupSpec])
)
BOOTSTRAP = PlainValidator(
    _is(
        f"a Bootstrap, one of {_INSTALLS}, a document with tokens, or False",
        InstanceOf[Bootstrap] | _STR | Literal[False],
    )
)
LIMIT = PlainValidator(_limit)
BUDGET = PlainValidator(_is("a Budget, or None for no limit", InstanceOf[Budget]))
STANDBY = PlainValidator(_is("a Standby, or None", InstanceOf[Standby]))
PATIENCE = PlainValidator(_is("a number of seconds, 0 for none", Annotated[_NUMBER, Field(ge=0)], needed=True))


def buildbot_problems(given: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each wrong value among Buildbot's own arguments."""
    for name, read in _BUILDBOT.items():
        try:
            read(given.get(name, 1) if name != "password" else given.get(name))
        except ValueError as error:
            yield f"{name} is {error}"


async def rendered(name: str, value: Any, render: Render) -> Any:  # noqa: ANN401 - of any type
    """The rendered value of an argument.

    Raises:
        NotRendered: it cannot be rendered now. The values of the error are secret, and not in the message.
    """
    try:
        return await render(value)
    except Exception as error:  # noqa: BLE001 - whatever a renderable of the user's raises
        kind = kind_of(error)
    raise NotRendered(f"{name} cannot be rendered: {kind}")


def kind_of(error: BaseException) -> str:
    """The kind of an exception, and where it was raised. Its message may show a secret."""
    while isinstance(error, FirstError):
        error = cast("BaseException", error.subFailure.value)  # pyright: ignore[reportUnknownMemberType]  # Twisted's
    where, module = "", None
    for frame, line in traceback.walk_tb(error.__traceback__):
        where, module = f" in {frame.f_code.co_filename}, line {line}", frame.f_globals.get("__name__")
    if isinstance(error, KeyError) and module == "buildbot.process.properties":
        where = f": {error}"  # Buildbot's own: the name of a secret that is not there
    return f"{type(error).__name__}{where}"


def sentences(error: ValidationError) -> list[str]:
    """A sentence for each wrong argument. Shows no value."""
    found: list[str] = []
    for each in error.errors(include_url=False, include_input=False):
        name, reason = each["loc"][0], each.get("ctx", {}).get("error", each["msg"])
        found.append(str(reason) if str(reason).startswith("hostconfig") else f"{name} is {reason}")
    return found


def host_and_port(address: object) -> tuple[str, int | None]:
    """Split `host`, `host:port`, `[IPv6]:port` or a bare IPv6 address. None: without a port.

    Raises:
        ValueError: The text has another form.
    """
    if isinstance(address, str):
        if _is_ipv6(address):
            return address, None
        found = _MASTER.fullmatch(address)
        if found is not None and (found[2] is None or 1 <= int(found[2]) <= 65535):
            return found[1], None if found[2] is None else int(found[2])
    raise ValueError("masterFQDN is 'host' or 'host:port', such as 'ci.example.com:9989'")


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def is_mapping(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether it is a mapping."""
    return isinstance(value, Mapping)


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if is_mapping(value) else {}


def suggestion(word: str, known: Collection[str]) -> str:
    """The end of a sentence: a similar known word, or all known words."""
    close = get_close_matches(word, sorted(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(sorted(known))}"


def is_renderable(value: object) -> bool:
    """Whether Buildbot renders the value, for each build."""
    return IRenderable.providedBy(value)


def is_static(value: object) -> bool:
    """Whether the value contains nothing renderable."""
    if is_renderable(value):
        return False
    if is_mapping(value):
        return is_static(list(value.values()))
    return not isinstance(value, list | tuple) or all(map(is_static, cast("Sequence[object]", value)))
