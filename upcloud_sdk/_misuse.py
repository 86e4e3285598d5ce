"""What is said about the likeliest mistakes of a program: a name that does not exist, an `await` that was forgotten."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping

    AsyncMethod = Callable[..., Coroutine[Any, Any, Any]]

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
        "zone": "a zone belongs to what is made: ServerSpec(zone='fi-hel1', ...)",
    }
)
"""What to write for arguments that the client does not have."""

CLIENT_ATTRIBUTES_MEANT = _each(
    {
        "close aclose open connect": "use it as `async with UpCloud() as cloud:`, which opens and closes it",
        "get post put delete patch": "write `await cloud.request('GET', '/path')` for what has no method",
        "templates images": "write cloud.storages.find_template('Debian GNU/Linux 13 (Trixie)')",
        "disks volumes": "they are storages: write cloud.storages",
        "firewall": "write cloud.firewall_rules",
        "ips": "write cloud.ip_addresses",
    }
)
"""What to write for attributes that the client does not have."""

METHOD_ARGUMENTS_MEANT = _each({"limit per_page count max": "write page_size=100; a list is always complete"})
"""What to write for arguments that a list does not have."""


MODEL_ATTRIBUTES_MEANT = _each(
    {
        "ip ipv4 ip_address public_ip": "write .public_ipv4, .public_ipv6 or .utility_ipv4; .ip_addresses has them all",
        "disks volumes": "write .storage_devices",
        "name": "write .title or .hostname",
        "status": "write .state",
        "id": "write .uuid",
        "cpu cpus cores": "write .core_number",
        "memory ram": "write .memory_amount, in MiB",
    }
)
"""What to write for attributes that a server, or another answer, does not have."""


def did_you_mean(name: str, names: Iterable[str], known: Mapping[str, str] | None = None) -> str:
    """`; did you mean ...?`, or what there is. `known` has the answer to names that are often tried."""
    if known is not None and name in known:
        return f": {known[name]}"
    from difflib import get_close_matches  # noqa: PLC0415 - for those alone who have made a mistake

    there_are = sorted(names)
    close = get_close_matches(name, there_are, n=1) or [each for each in there_are if each.startswith(name)][:1]
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(there_are)}"


class NamesWhatWasMeant:
    """A class whose attribute errors name the attribute that was meant."""

    often_tried: ClassVar[Mapping[str, str]] = {}
    """What to write for attributes that do not exist."""

    if not TYPE_CHECKING:  # Type checkers would take every name for one that exists.

        def __getattr__(self, name: str) -> object:
            kind = type(self)
            message = f"{kind.__name__!r} object has no attribute {name!r}"
            if not name.startswith("_"):
                public = {each for each in dir(kind) if not each.startswith("_")} - {"often_tried"}
                message += did_you_mean(name, public, kind.often_tried)
            raise AttributeError(message, name=name, obj=self)


def names_the_argument_meant(known: Mapping[str, str]) -> Callable[[F], F]:
    """Makes the error for an unknown keyword argument of a function name the one that was meant."""

    def decorate(function: F) -> F:
        names = [each for each in inspect.signature(function).parameters if each != "self"]

        @functools.wraps(function)
        def call(*args: Any, **arguments: Any) -> Any:  # noqa: ANN401 - those of the function
            for name in arguments:
                if name not in names:
                    where = function.__qualname__.removesuffix(".__init__")
                    advice = did_you_mean(name, names, known)
                    raise TypeError(f"{where}() got an unexpected keyword argument {name!r}{advice}")
            return function(*args, **arguments)

        return call  # type: ignore[return-value]  # it takes and returns what the function does

    return decorate


def explain_mistakes(kind: type) -> None:
    """Let the asynchronous methods that a class defines say what to write in place of the likeliest mistakes."""
    for name, method in list(vars(kind).items()):
        if not name.startswith("_") and inspect.iscoroutinefunction(method):
            setattr(kind, name, _explaining(method))


def _explaining(method: AsyncMethod) -> Callable[..., Call]:
    @functools.wraps(method)
    def call(*args: Any, **arguments: Any) -> Call:  # noqa: ANN401 - those of the method
        try:
            return Call(method(*args, **arguments), method)
        except TypeError:
            # Nothing of the method has run yet: it is about the arguments.
            names = [each for each in inspect.signature(method).parameters if each != "self"]
            for name in arguments:
                if name not in names:
                    advice = did_you_mean(name, names, METHOD_ARGUMENTS_MEANT if "page_size" in names else None)
                    problem = f"{method.__qualname__}() got an unexpected keyword argument {name!r}{advice}"
                    raise TypeError(problem) from None
            raise

    # `asyncio.iscoroutinefunction` and, from Python 3.12 on, that of `inspect` still know it for asynchronous.
    mark: Callable[[AsyncMethod], AsyncMethod] | None = getattr(inspect, "markcoroutinefunction", None)
    if mark is not None:
        mark(call)
    return call


class Call(Coroutine[Any, Any, Any]):
    """What an asynchronous method returns: a coroutine that says so where it is taken for its result."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], method: AsyncMethod) -> None:
        self._coroutine = coroutine
        self.__name__, self.__qualname__ = method.__name__, method.__qualname__

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._coroutine.__await__()

    def send(self, value: Any) -> Any:  # noqa: ANN401 - as in `Coroutine`
        return self._coroutine.send(value)

    def throw(self, *error: Any) -> Any:  # noqa: ANN401 - as in `Coroutine`
        return self._coroutine.throw(*error)

    def close(self) -> None:
        self._coroutine.close()

    def __repr__(self) -> str:
        return f"<call of {self.__qualname__}(...), to be awaited>"

    if not TYPE_CHECKING:  # Type checkers find these mistakes by themselves.

        def __getattr__(self, name: str) -> NoReturn:
            message = f"a call has no attribute {name!r}"
            if not name.startswith(("_", "cr_", "gi_")):
                message = f"{self.__qualname__}(...) was not awaited: write (await ...{self.__name__}(...)).{name}"
            raise AttributeError(message, name=name, obj=self)

        def __iter__(self) -> NoReturn:
            self._coroutine.close()  # Nothing more needs to be said about it.
            raise TypeError(
                f"{self.__qualname__}(...) was not awaited: write `for ... in await ...{self.__name__}(...)`"
            )

        __aiter__ = __iter__

        def __getitem__(self, key: object) -> NoReturn:
            self._coroutine.close()
            raise TypeError(f"{self.__qualname__}(...) was not awaited: write (await ...{self.__name__}(...))[{key!r}]")
