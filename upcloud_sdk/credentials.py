"""Who is asking: tokens and user names, from arguments, the environment, or the system's keyring.

Chapter "Authentication" of the API. The environment variables and the keyring entries are those of UpCloud's own tools.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from pydantic import SecretStr

from upcloud_sdk.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

_HOW = (
    "pass UpCloud(Token('ucat_...')) or UpCloud(Basic('user', 'password')), set UPCLOUD_TOKEN, set "
    "UPCLOUD_USERNAME and "
    "UPCLOUD_PASSWORD, or store a token in the system's keyring with `upctl account login`"
)


def _secret(value: object, what: str) -> SecretStr:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(text, str):
        raise ConfigError(f"the {what} is not text but {type(text).__name__}: {_HOW}")
    if not text.strip():
        raise ConfigError(f"the {what} is empty: {_HOW}")
    if text != text.strip() or any(character in text for character in "\r\n\0"):
        raise ConfigError(f"the {what} has white space around it or a line break in it; was it read from a file?")
    return SecretStr(text)


@dataclass(frozen=True, slots=True)
class Token:
    """An API token. Never shown in a repr."""

    token: SecretStr

    def __init__(self, token: str | SecretStr) -> None:
        secret = _secret(token, "token")
        text = secret.get_secret_value()
        if not (text.isascii() and text.isprintable() and " " not in text):
            # It would be refused on its way into a header, in an error that shows it.
            raise ConfigError("the token has characters that no token has; was it copied whole?")
        object.__setattr__(self, "token", secret)

    def authorization(self) -> str:
        """The value of the Authorization header."""
        return f"Bearer {self.token.get_secret_value()}"


@dataclass(frozen=True, slots=True)
class Basic:
    """The name and password of an account that API access is allowed to. The password is never shown in a repr."""

    username: str
    password: SecretStr

    def __init__(self, username: str, password: str | SecretStr) -> None:
        name = _secret(username, "user name").get_secret_value()
        if ":" in name:
            raise ConfigError(f"the user name has a colon in it: {_HOW}")
        secret = _secret(password, "password")
        try:
            f"{name}:{secret.get_secret_value()}".encode()
        except UnicodeEncodeError:
            # `from None`: that error shows what it could not encode.
            raise ConfigError("the user name or the password is not valid Unicode text") from None
        object.__setattr__(self, "username", name)
        object.__setattr__(self, "password", secret)

    def authorization(self) -> str:
        """The value of the Authorization header."""
        pair = f"{self.username}:{self.password.get_secret_value()}".encode()
        return "Basic " + base64.b64encode(pair).decode("ascii")


Credentials = Token | Basic | Callable[[], Awaitable[Token | Basic]]
"""A token, a pair, or an async callable that is asked for one before each attempt of a call."""


async def ask(provider: Callable[[], object]) -> Token | Basic:
    """What a callable gives.

    Raises:
        ConfigError: that is neither a Token nor a Basic.
    """
    answer = provider()
    if isinstance(answer, Awaitable):
        answer = await cast("Awaitable[object]", answer)
        if isinstance(answer, Token | Basic):
            return answer
    raise ConfigError("the credentials' callable is async and returns a Token or a Basic; this one does not")


def find_credentials(given: Credentials | None, environment: Mapping[str, str] | None = None) -> Credentials:
    """The credentials to use: those given, else the environment's, else the keyring's.

    Raises:
        ConfigError: there are none, half a pair, or both kinds at once.
    """
    if given is not None:
        if not (isinstance(given, Token | Basic) or callable(given)):
            raise ConfigError(
                "credentials are a Token, a Basic, or an async callable that returns one: "
                "wrap a token as Token(...), a user name and a password as Basic(..., ...)"
            )
        return given
    environment = os.environ if environment is None else environment
    token = environment.get("UPCLOUD_TOKEN", "")
    username = environment.get("UPCLOUD_USERNAME", "")
    password = environment.get("UPCLOUD_PASSWORD", "")
    if token and (username or password):
        raise ConfigError(
            "both UPCLOUD_TOKEN and UPCLOUD_USERNAME/UPCLOUD_PASSWORD are set: unset one kind, so "
            "that it is clear which account acts"
        )
    if token:
        return Token(token)
    if username and password:
        return Basic(username, password)
    if password:
        raise ConfigError("UPCLOUD_PASSWORD is set but UPCLOUD_USERNAME is not: set both, or UPCLOUD_TOKEN")
    stored = _from_keyring(username)
    if stored is not None:
        return stored
    if username:
        raise ConfigError(
            "UPCLOUD_USERNAME is set but UPCLOUD_PASSWORD is not, and the keyring has no password "
            "for that user: set both, or UPCLOUD_TOKEN"
        )
    raise ConfigError(f"no credentials: {_HOW}")


def _from_keyring(username: str) -> Token | Basic | None:
    # Optional, and slow to import: only where nothing else was given.
    try:
        import keyring  # noqa: PLC0415
        import keyring.errors  # noqa: PLC0415
    except ImportError:
        return None
    try:
        entry = keyring.get_password("UpCloud", username)
    except keyring.errors.KeyringError:
        return None
    if not entry:
        return None
    secret = _decoded(entry)
    return Basic(username, secret) if username else Token(secret)


def _decoded(entry: str) -> str:
    """What Go's keyring library wrote is marked and in base64."""
    mark = "go-keyring-base64:"
    if not entry.startswith(mark):
        return entry
    try:
        return base64.b64decode(entry[len(mark) :], validate=True).decode()
    except ValueError as error:
        raise ConfigError(
            "the keyring's entry for UpCloud cannot be decoded: store it again with `upctl account login`"
        ) from error
