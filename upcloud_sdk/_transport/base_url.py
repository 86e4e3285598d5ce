"""The URL of the API."""

from __future__ import annotations

import ipaddress
import os
import re

import httpx

from upcloud_sdk.errors import ConfigError

DEFAULT = "https://api.upcloud.com"
VERSION = "/1.3"
VARIABLE = "UPCLOUD_DEBUG_API_BASE_URL"
"""The environment variable of the official tools."""
LAST_PORT = 65535

_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")


def is_loopback(host: str) -> bool:
    """Whether a host name means this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _parsed(text: str) -> httpx.URL | None:
    """A URL as httpx reads it, which sends the requests. None if it is not an http(s) URL."""
    try:
        url = httpx.URL(text)
        _ = url.host  # fails for a wrong name in Punycode
    except (httpx.InvalidURL, ValueError):
        return None
    # httpx accepts any text as a host, and any number as a port.
    is_host = _HOST.fullmatch(url.raw_host.decode("ascii")) and (url.port is None or 0 < url.port <= LAST_PORT)
    return url if url.scheme in {"http", "https"} and is_host else None


def base_url(given: str | None, *, allow_http: bool = False) -> str:
    """The API's URL with version and without final slash: as given, or else from the environment, or else UpCloud's.

    Raises:
        ConfigError: It is not a URL, contains credentials, or would send credentials unencrypted.
    """
    source = "base_url"
    if given is None:
        source, given = VARIABLE, os.environ.get(VARIABLE) or DEFAULT
    url = _parsed(given)
    if url is None:
        # Not in an `except`, since httpx's error shows the port, which may be the password of `user:password`.
        raise ConfigError(f"{source} is not an http(s) URL; it should look like {DEFAULT} or http://127.0.0.1:8080")
    if url.userinfo:
        raise ConfigError(f"{source} contains credentials: give them as Token or Basic")
    if url.query or url.fragment:
        raise ConfigError(f"{source} has a query or a fragment; it should look like {DEFAULT}")
    if url.scheme == "http" and not (allow_http or is_loopback(url.host)):
        raise ConfigError(
            f"{source} is plain http to {url.host}, which would send the credentials unencrypted: use "
            f"https, or write allow_http=True"
        )
    path = url.raw_path.decode("ascii").rstrip("?/").removesuffix(VERSION)
    return f"{url.scheme}://{url.netloc.decode('ascii')}{path}{VERSION}"
