"""The proxy for a request: as given, or from the environment, as in httpx."""

from __future__ import annotations

import re
import urllib.request

import httpx

from upcloud_sdk._transport.base_url import LAST_PORT, is_loopback
from upcloud_sdk.errors import ConfigError

_DEFAULT_PORTS = {"http": 80, "https": 443}

# An entry of NO_PROXY: `example.com`, `.example.com`, `10.0.0.1:8080`, `[::1]`, `https://example.com`. As in httpx, the
# first address of a network means only itself.
_ENTRY = re.compile(
    r"(?:(?P<scheme>\w+)://)?(?P<host>\[[0-9a-f:.]+\]|[0-9a-f]*:[0-9a-f]*:[0-9a-f:.]*|[^:/\[\]]*)(?::(?P<port>\d+))?(?:/.*)?"
)


def proxy_for(url: httpx.URL, given: str | httpx.Proxy | None) -> httpx.Proxy | None:
    """The proxy for `url`. None if there is none.

    Plain http to this machine never leaves it: no proxy of the environment is used.

    Raises:
        ConfigError: The proxy cannot be used. The message does not contain its URL, which may have a password.
    """
    stays_here = url.scheme == "http" and is_loopback(url.host)
    if stays_here and given is None:
        return None
    found = _proxy(given or _proxy_of_environment(url))
    if stays_here and found is not None and not is_loopback(found.url.host):
        raise ConfigError(
            f"proxy would get the credentials unencrypted, since base_url is plain http to {url.host}: leave out proxy"
        )
    return found


def _proxy(found: str | httpx.Proxy | None) -> httpx.Proxy | None:
    if not isinstance(found, str):
        return found
    try:
        proxy = httpx.Proxy(found)
        # Otherwise the first connection fails with an unclear error of the event loop.
        if (proxy.url.port or 0) <= LAST_PORT:
            return proxy
    except (ValueError, httpx.InvalidURL):
        pass
    # Outside of the `except`, since the original error shows parts of the URL.
    raise ConfigError(
        "the proxy cannot be used: it should look like http://proxy.example.com:3128, or "
        "http://user:password@proxy.example.com:3128 (with / : @ ? # of a password as %2F %3A %40 %3F %23)"
    )


def place_of(proxy: httpx.Proxy | None) -> str | None:
    """Host and port of a proxy, without its password. None if there is none."""
    return None if proxy is None else proxy.url.netloc.decode("ascii", "replace")


def _proxy_of_environment(url: httpx.URL) -> str | None:
    # httpx does this in its client, which the SDK's transports do not use.
    proxies = urllib.request.getproxies()
    if any(_fits(entry.strip().lower(), url) for entry in proxies.get("no", "").split(",")):
        return None
    proxy = proxies.get(url.scheme) or proxies.get("all")
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


def _fits(entry: str, url: httpx.URL) -> bool:
    """Whether an entry of NO_PROXY matches a URL."""
    if entry == "*":
        return True
    parts = _ENTRY.fullmatch(entry)
    if not entry or parts is None:
        return False
    scheme, host, port = parts["scheme"], parts["host"].strip("[]"), parts["port"]
    if scheme not in {None, "all", url.scheme}:
        return False
    if port is not None and int(port) != (url.port or _DEFAULT_PORTS.get(url.scheme)):
        return False
    if scheme is not None or ":" in host or host == "localhost" or _is_ipv4(host):
        return host in {"", url.host}
    return url.host == host or url.host.endswith(f".{host.removeprefix('.')}")


def _is_ipv4(host: str) -> bool:
    return re.fullmatch(r"[\d.]+", host) is not None
