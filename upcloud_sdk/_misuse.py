"""Error messages about unknown names, with the name that was probably meant."""

from __future__ import annotations

import functools
import inspect
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

    AsyncMethod = Callable[..., Coroutine[Any, Any, Any]]

P = ParamSpec("P")
T = TypeVar("T")
F = TypeVar("F", bound="Callable[..., Any]")


def _each(advice: Mapping[str, str]) -> dict[str, str]:
    """The same advice for several names."""
    return {name: text for names, text in advice.items() for name in names.split()}


CLIENT_ARGUMENTS_MEANT = _each(
    {
        "token api_token key api_key": "credentials are the first argument: write UpCloud(Token('ucat_...'))",
        "username user password": "credentials are the first argument: write UpCloud(Basic('user', 'password'))",
        "url endpoint api_url host": "write base_url='http://127.0.0.1:8080'",
        "retries max_retries": "write retry=RetryPolicy(attempts=3)",
        "verify ssl": "write ssl_context=ssl.create_default_context(cafile='ca.pem')",
        "client session": "write http_client=httpx.AsyncClient(...)",
        "proxies": "write proxy='http://proxy.example.com:3128'",
        "zone": "the zone is part of the spec: ServerSpec(zone='fi-hel1', ...)",
    }
)
"""Hints for arguments that the client does not have."""

CLIENT_ATTRIBUTES_MEANT = _each(
    {
        "close aclose open connect": "use it as `async with UpCloud() as cloud:`, which opens and closes it",
        "get post put delete patch": "for endpoints without a method, write `await cloud.request('GET', '/path')`",
        "templates": "write cloud.storages.find_template('Debian GNU/Linux 13 (Trixie)')",
        "disks volumes": "they are storages: write cloud.storages",
        "firewall": "write cloud.firewall_rules",
        "ips": "write cloud.ip_addresses",
    }
)
"""Hints for attributes that the client does not have."""

ARGUMENTS_MEANT = {
    "list": _each({"limit per_page page offset count max": "leave it out: lists are always complete"}),
    "find_template": _each(
        {"title name slug": "it is the first argument: write find_template('debian-13')"},
    ),
}
"""Hints for arguments that methods of these names do not have."""

PAGE_SIZE_MEANT = _each(
    {"limit per_page count max": "leave it out: lists are always complete; page_size=100 requests 100 at a time"}
)
"""Hints for lists that have a `page_size`."""

PAGE_MEANT = _each({"limit per_page page_size count max": "write page=100; the iterator returns all pages"})
"""Hints for the audit log."""

MODEL_ATTRIBUTES_MEANT = _each(
    {
        "ip ipv4 ip_address public_ip": "public_ipv4 public_ipv6 utility_ipv4 ip_addresses",
        "disks volumes": "storage_devices",
        "name": "title hostname",
        "status": "state",
        "id": "uuid",
        "cpu cpus cores": "core_number",
        "memory ram": "memory_amount",
    }
)
"""Attributes of a server or another answer, by the wrong names that people try."""

SERVERS_MEANT = _each(
    {
        "all find get_all search": "write `await cloud.servers.list()`, which has filters",
        "reboot": "write `await cloud.servers.restart(server)`",
        "run exec ssh": "the API runs nothing in a server: use SSH, or user_data in the ServerSpec",
    }
)
"""Hints for methods that `servers` does not have."""

STORAGES_MEANT = _each(
    {
        "get_template template find": "write `await cloud.storages.find_template('debian-13')`",
        "templates list_templates": "write `await cloud.storages.list('template')`",
        "all": "write `await cloud.storages.list()`",
    }
)
"""Hints for methods that `storages` does not have."""


def did_you_mean(name: str, names: Iterable[str], known: Mapping[str, str] | None = None) -> str:
    """`; did you mean ...?`, or a list of the names. `known` has hints for common mistakes."""
    if known is not None and name in known:
        return f": {known[name]}"
    from difflib import get_close_matches  # noqa: PLC0415 - only needed after a mistake

    there_are = sorted(names)
    close = get_close_matches(name, there_are, n=1, cutoff=0.7)
    close += [each for each in there_are if each.startswith(name) or name.startswith(f"{each}_")]
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(there_are) or 'none'}"


class SuggestsNames:
    """Base class: errors about unknown attributes name the attribute that was probably meant."""

    often_tried: ClassVar[Mapping[str, str]] = {}
    """Hints for attributes that do not exist."""

    if not TYPE_CHECKING:  # Type checkers would accept every name.

        def __getattr__(self, name: str) -> object:
            kind = type(self)
            message = f"{kind.__name__!r} object has no attribute {name!r}"
            if not name.startswith("_"):
                public = {each for each in dir(kind) if not each.startswith("_")} - {"often_tried"}
                message += did_you_mean(name, public, kind.often_tried)
            raise AttributeError(message, name=name, obj=self)


def suggests_arguments(known: Mapping[str, str]) -> Callable[[F], F]:
    """Adds the argument that was probably meant to the error for an unknown keyword argument."""

    def decorate(function: F) -> F:
        names = [each for each in inspect.signature(function).parameters if each != "self"]

        @functools.wraps(function)
        def call(*args: Any, **arguments: Any) -> Any:  # noqa: ANN401 - the arguments of the function
            _check_names(function.__qualname__.removesuffix(".__init__"), arguments, names, known)
            return function(*args, **arguments)

        return call  # type: ignore[return-value]  # same arguments and result as the function

    return decorate


def explain_mistakes(kind: type) -> None:
    """Make the asynchronous methods of a class suggest the right name for an unknown argument.

    Python names a method by the class that defines it. Users write the class that inherits it.
    """
    for name, method in list(vars(kind).items()):
        if not name.startswith("_") and inspect.iscoroutinefunction(method):
            setattr(kind, name, _explaining(method))
    for base in kind.__mro__:
        for name, method in vars(base).items():
            explained = getattr(method, "__wrapped__", None)
            if isinstance(method, FunctionType) and isinstance(explained, FunctionType):
                method.__qualname__ = explained.__qualname__ = f"{kind.__name__}.{name}"


def _explaining(method: AsyncMethod) -> AsyncMethod:
    # The wrapper is async too: task groups, `wait_for` and web frameworks need a coroutine.
    @functools.wraps(method)
    async def call(*args: Any, **arguments: Any) -> Any:  # noqa: ANN401 - the arguments of the method
        try:
            coroutine = method(*args, **arguments)
        except TypeError:
            # The method has not begun to run, so the error is about the arguments.
            names = [each for each in inspect.signature(method).parameters if each != "self"]
            known = PAGE_SIZE_MEANT if "page_size" in names else ARGUMENTS_MEANT.get(method.__name__, {})
            _check_names(f"{type(args[0]).__name__}.{method.__name__}", arguments, names, known)
            raise
        return await coroutine

    return call


class AsyncOnly:
    """Base class: `await`, `with` and `for` raise an error that says what to write instead."""

    usage: str = ""

    if not TYPE_CHECKING:  # Type checkers refuse these as long as there are no such methods.

        def _refuse(self, *_: object) -> object:
            raise TypeError(self.usage)

        __await__ = __enter__ = __exit__ = __iter__ = _refuse


class _Block(AsyncOnly, Generic[T]):
    """An asynchronous context manager. `await` and a plain `with` say what to write instead."""

    def __init__(self, block: AbstractAsyncContextManager[T], written: str) -> None:
        self._block, self.usage = block, f"it is asynchronous: write `{written}`"

    async def __aenter__(self) -> T:
        return await self._block.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._block.__aexit__(kind, error, trace)


def says_async_with(
    written: str,
) -> Callable[[Callable[P, AbstractAsyncContextManager[T]]], Callable[P, AbstractAsyncContextManager[T]]]:
    """Decorates a function that returns an asynchronous context manager, to explain `await` and a plain `with`.

    `written` is the correct line, which the error shows.
    """

    def decorate(make: Callable[P, AbstractAsyncContextManager[T]]) -> Callable[P, AbstractAsyncContextManager[T]]:
        @functools.wraps(make)
        def call(*args: P.args, **arguments: P.kwargs) -> AbstractAsyncContextManager[T]:
            return _Block(make(*args, **arguments), written)

        return call

    return decorate


def _check_names(what: str, arguments: Iterable[str], names: Iterable[str], known: Mapping[str, str]) -> None:
    """Refuse unknown arguments."""
    for name in arguments:
        if name not in names:
            advice = did_you_mean(name, names, known)
            raise TypeError(f"{what}() got an unexpected keyword argument {name!r}{advice}") from None
