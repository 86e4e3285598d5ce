"""The URL of the API."""

from __future__ import annotations

import ipaddress
import logging
import os
from urllib.parse import urlsplit

from upcloud_sdk.errors import ConfigError

DEFAULT = "https://api.upcloud.com"
VERSION = "/1.3"

log = logging.getLogger("upcloud_sdk")


def is_loopback(host: str) -> bool:
    """Whether a host name means this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _has_scheme_and_host(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc)


def base_url(given: str | None, *, allow_http: bool = False) -> str:
    """The API's URL with version and without final slash: as given, or else from the environment, or else UpCloud's.

    Raises:
        ConfigError: It is not a URL, contains credentials, or would send credentials unencrypted.
    """
    source = "base_url"
    if given is None:
        given = os.environ.get("UPCLOUD_DEBUG_API_BASE_URL", "")
        if not _has_scheme_and_host(given):
            # As the official tools do, but with a warning: otherwise only the bill would show a misspelt variable.
            if given:
                problem = "UPCLOUD_DEBUG_API_BASE_URL is not a URL such as http://127.0.0.1:8080"
                log.warning("%s: it is ignored, and calls go to %s", problem, DEFAULT + VERSION)
            return DEFAULT + VERSION
        source = "UPCLOUD_DEBUG_API_BASE_URL"
    try:
        parts = urlsplit(given)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise ConfigError(f"{source} is not a URL; it should look like {DEFAULT}") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise ConfigError(f"{source} is not an http(s) URL; it should look like {DEFAULT}")
    if parts.username is not None or parts.password is not None:
        raise ConfigError(f"{source} contains credentials: give them as Token or Basic")
    if parts.query or parts.fragment:
        raise ConfigError(f"{source} has a query or a fragment; it should look like {DEFAULT}")
    if parts.scheme == "http" and not (allow_http or is_loopback(host)):
        raise ConfigError(
            f"{source} is plain http to {host}, which would send the credentials unencrypted: use "
            f"https, or write allow_http=True"
        )
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path.removesuffix(VERSION)}{VERSION}"
