"""Credentials: tokens, or user names with passwords, from arguments, the environment, or the system's keyring.

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
        raise ConfigError(f"the {what} is a {type(text).__name__}, not text: {_HOW}")
    if not text.strip():
        raise ConfigError(f"the {what} is empty: {_HOW}")
    if text != text.strip() or any(character in text for character in "\r\n\0"):
        raise ConfigError(f"the {what} contains a line break, or white space at its ends: was it read from a file?")
    return SecretStr(text)


@dataclass(frozen=True, slots=True)
class Token:
    """An API token. A `repr` never shows it."""

    token: SecretStr

    def __init__(self, token: str | SecretStr) -> None:
        secret = _secret(token, "token")
        text = secret.get_secret_value()
        if not (text.isascii() and text.isprintable() and " " not in text):
            # httpx would refuse it in a header, with an error that shows it.
            raise ConfigError("the token contains invalid characters: was it copied completely?")
        object.__setattr__(self, "token", secret)

    def authorization(self) -> str:
        """The value of the Authorization header."""
        return f"Bearer {self.token.get_secret_value()}"


@dataclass(frozen=True, slots=True)
class Basic:
    """The user name and password of an account with API access. A `repr` never shows the password."""

    username: str
    password: SecretStr

    def __init__(self, username: str, password: str | SecretStr) -> None:
        name = _secret(username, "user name").get_secret_value()
        if ":" in name:
            raise ConfigError(f"the user name contains a colon: {_HOW}")
        secret = _secret(password, "password")
        try:
            f"{name}:{secret.get_secret_value()}".encode()
        except UnicodeEncodeError:
            # `from None`, since the original error shows the secret.
            raise ConfigError("the user name or the password is not valid Unicode text") from None
        object.__setattr__(self, "username", name)
        object.__setattr__(self, "password", secret)

    def authorization(self) -> str:
        """The value of the Authorization header."""
        pair = f"{self.username}:{self.password.get_secret_value()}".encode()
        return "Basic " + base64.b64encode(pair).decode("ascii")


SHORTEST_SECRET = 4
"""A secret with fewer characters is not looked for in answers: it would be found in every text."""


def secrets_in(authorization: str) -> tuple[str, ...]:
    """The credentials of an Authorization header, as they are and in base64, the longest first."""
    _, _, sent = authorization.partition(" ")
    secrets = [sent]
    if authorization.startswith("Basic "):
        pair = base64.b64decode(sent).decode()
        secrets += [pair, pair.partition(":")[2]]
    forms = {form for secret in secrets for form in (secret, *_in_base64(secret))}
    return tuple(sorted((form for form in forms if len(form) >= SHORTEST_SECRET), key=len, reverse=True))


def _in_base64(secret: str) -> list[str]:
    codings = (base64.b64encode, base64.urlsafe_b64encode)
    return [coding(secret.encode()).decode("ascii").rstrip("=") for coding in codings]


Credentials = Token | Basic | Callable[[], Awaitable[Token | Basic]]
"""A `Token`, a `Basic`, or an async callable that returns one and is called before each attempt of a call."""


async def ask(provider: Callable[[], object]) -> Token | Basic:
    """Call the function that returns the credentials.

    Raises:
        ConfigError: The result is neither a Token nor a Basic.
    """
    answer = provider()
    if isinstance(answer, Awaitable):
        answer = await cast("Awaitable[object]", answer)
        if isinstance(answer, Token | Basic):
            return answer
    raise ConfigError("the credentials' callable must be async and return a Token or a Basic")


def find_credentials(given: Credentials | None, environment: Mapping[str, str] | None = None) -> Credentials:
    """Find the credentials: as given, or else from the environment, or else from the keyring.

    Raises:
        ConfigError: There are none, only half of a pair, or both kinds.
    """
    if given is not None:
        if not (isinstance(given, Token | Basic) or callable(given)):
            raise ConfigError(
                "credentials must be a Token, a Basic, or an async callable that returns one: "
                "write Token(...) for a token, Basic(..., ...) for a user name and a password"
            )
        return given
    environment = os.environ if environment is None else environment
    token = environment.get("UPCLOUD_TOKEN", "")
    username = environment.get("UPCLOUD_USERNAME", "")
    password = environment.get("UPCLOUD_PASSWORD", "")
    if token and (username or password):
        raise ConfigError(
            "both UPCLOUD_TOKEN and UPCLOUD_USERNAME/UPCLOUD_PASSWORD are set: unset one of them, so "
            "that it is clear which account is meant"
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
    # Optional and slow to import, so only if nothing else is given.
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
    """Decode an entry of Go's keyring library: base64 with a prefix."""
    mark = "go-keyring-base64:"
    if not entry.startswith(mark):
        return entry
    try:
        return base64.b64decode(entry[len(mark) :], validate=True).decode()
    except ValueError as error:
        raise ConfigError(
            "the keyring's entry for UpCloud cannot be decoded: store it again with `upctl account login`"
        ) from error
