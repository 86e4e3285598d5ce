"""The certificates that the environment says to trust, as in httpx."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import httpx

from upcloud_sdk.errors import ConfigError

# The last one is read by Python's `ssl`.
_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")


def tls_of_environment() -> ssl.SSLContext:
    """A context that trusts SSL_CERT_FILE, or else SSL_CERT_DIR, or else the certificates of certifi.

    Raises:
        ConfigError: A variable names a file or folder that cannot be used.
    """
    given = {name: value for name in _VARIABLES if (value := os.environ.get(name))}
    if "SSL_CERT_FILE" in given:
        given.pop("SSL_CERT_DIR", None)
    folders = given.get("SSL_CERT_DIR")
    # OpenSSL ignores a missing folder. Then no certificate would be trusted.
    if folders is not None and not any(Path(each).is_dir() for each in folders.split(os.pathsep)):
        raise ConfigError(f"SSL_CERT_DIR={folders} is not a folder with certificates")
    file = given.get("SSL_CERT_FILE")
    try:
        if file or folders:
            # Older releases of httpx trust certifi instead of a file that is missing.
            return ssl.create_default_context(cafile=file, capath=folders)
        return httpx.create_ssl_context()
    except OSError as error:
        named = ", ".join(f"{name}={value}" for name, value in given.items()) or "the certificates of certifi"
        raise ConfigError(f"TLS cannot be set up with {named}: {error.strerror or error}") from error
