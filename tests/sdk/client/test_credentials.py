from __future__ import annotations

import base64
import logging
import pickle
import sys
import traceback
from typing import TYPE_CHECKING, cast

import anyio
import httpx
import keyring
import keyring.backend
import keyring.errors
import pytest
from pydantic import SecretStr

from tests.sdk.clock import AutojumpClock
from tests.sdk.documents import refused
from tests.sdk.sent import requests
from upcloud_sdk import Basic, RetryPolicy, Token, UpCloud, WaitPolicy
from upcloud_sdk.credentials import find_credentials
from upcloud_sdk.errors import AuthenticationFailed, ConfigError, NotSent, UpCloudError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    import respx

SECRET = "MUST_NOT_BE_SHOWN"
TOKEN = f"ucat_{SECRET}"


class FakeKeyring(keyring.backend.KeyringBackend):
    """A system keyring in memory: entries by user name."""

    entries: dict[str, str]
    is_locked = False

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # keyring leaves it so
        self.entries = {}

    def get_password(self, service: str, username: str) -> str | None:
        if self.is_locked:
            raise keyring.errors.KeyringLocked
        return self.entries.get(username) if service == "UpCloud" else None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise AssertionError("the SDK writes nothing")


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch, _no_credentials_of_this_machine: None) -> Iterator[FakeKeyring]:
    """The system's keyring."""
    fake, before = FakeKeyring(), keyring.get_keyring()
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    keyring.set_keyring(fake)
    yield fake
    keyring.set_keyring(before)


def _go(text: str) -> str:
    return "go-keyring-base64:" + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("environment", "entries", "found"),
    [
        ({"UPCLOUD_TOKEN": "ucat_e"}, {}, Token("ucat_e")),
        ({"UPCLOUD_TOKEN": "ucat_e"}, {"": "ucat_k"}, Token("ucat_e")),
        ({"UPCLOUD_USERNAME": "me", "UPCLOUD_PASSWORD": "p"}, {}, Basic("me", "p")),
        ({"UPCLOUD_USERNAME": "me", "UPCLOUD_PASSWORD": "p"}, {"": "ucat_k", "me": "k"}, Basic("me", "p")),
        ({"UPCLOUD_USERNAME": "me"}, {"me": "k"}, Basic("me", "k")),
        ({"UPCLOUD_USERNAME": "me"}, {"me": _go("k")}, Basic("me", "k")),
        ({"UPCLOUD_TOKEN": "", "UPCLOUD_USERNAME": ""}, {"": "ucat_k"}, Token("ucat_k")),
        ({}, {"": "ucat_k"}, Token("ucat_k")),
        ({}, {"": _go("ucat_k")}, Token("ucat_k")),
    ],
    ids=[
        "token of the environment",
        "environment before keyring",
        "pair of the environment",
        "pair before keyring",
        "name of the environment, password of the keyring",
        "the same, written by Go",
        "empty variables are none",
        "token of the keyring",
        "token of the keyring, written by Go",
    ],
)
def test_credentials_are_found_in_this_order(
    stored: FakeKeyring, environment: dict[str, str], entries: dict[str, str], found: Token | Basic
) -> None:
    stored.entries.update(entries)
    credentials = find_credentials(None, environment)
    assert credentials == found
    assert isinstance(credentials, Token | Basic)
    assert credentials.authorization() == found.authorization()


@pytest.mark.parametrize(
    ("environment", "entries", "says"),
    [
        ({}, {}, "no credentials: pass UpCloud.* set UPCLOUD_TOKEN, set UPCLOUD_USERNAME and UPCLOUD_PASSWORD"),
        ({"UPCLOUD_TOKEN": "ucat_e", "UPCLOUD_USERNAME": "me", "UPCLOUD_PASSWORD": SECRET}, {}, "unset one of them"),
        ({"UPCLOUD_TOKEN": "ucat_e", "UPCLOUD_USERNAME": "me"}, {}, "unset one of them"),
        ({"UPCLOUD_TOKEN": "ucat_e", "UPCLOUD_PASSWORD": SECRET}, {}, "unset one of them"),
        ({"UPCLOUD_USERNAME": "me"}, {}, "UPCLOUD_PASSWORD is not, and the keyring has no password for that user"),
        ({"UPCLOUD_USERNAME": "me"}, {"": "ucat_k"}, "UPCLOUD_PASSWORD is not"),
        ({"UPCLOUD_PASSWORD": SECRET}, {"": "ucat_k"}, "UPCLOUD_USERNAME is not: set both, or UPCLOUD_TOKEN"),
        ({"UPCLOUD_TOKEN": f"{TOKEN}\n"}, {}, "white space at its ends: was it read from a file"),
        ({"UPCLOUD_TOKEN": " "}, {}, "the token is empty"),
        ({}, {"": "go-keyring-base64:?"}, "keyring's entry for UpCloud cannot be decoded: store it again with `upctl"),
        ({}, {"": "go-keyring-base64:/w=="}, "keyring's entry for UpCloud cannot be decoded"),
    ],
    ids=[
        "none",
        "both kinds",
        "token and name",
        "token and password",
        "half a pair",
        "half a pair is not filled with a token",
        "the other half",
        "line break",
        "blank",
        "no base64",
        "no text",
    ],
)
def test_the_error_for_missing_or_contradictory_credentials_says_what_to_do(
    stored: FakeKeyring, environment: dict[str, str], entries: dict[str, str], says: str
) -> None:
    stored.entries.update(entries)
    with pytest.raises(ConfigError, match=says) as caught:
        find_credentials(None, environment)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_arguments_win_over_everything(stored: FakeKeyring) -> None:
    stored.entries[""] = "ucat_k"
    given = Token("ucat_a")
    assert find_credentials(given, {"UPCLOUD_TOKEN": "e", "UPCLOUD_USERNAME": "contradiction"}) is given


def test_a_locked_keyring_counts_as_no_credentials(stored: FakeKeyring) -> None:
    stored.entries[""] = "ucat_k"
    stored.is_locked = True
    with pytest.raises(ConfigError, match="no credentials"):
        find_credentials(None, {})


def test_without_the_extra_the_keyring_is_not_read() -> None:
    with pytest.raises(ConfigError, match="no credentials"):
        find_credentials(None, {})


def test_the_client_reads_the_environment_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="no credentials"):
        UpCloud()
    monkeypatch.setenv("UPCLOUD_TOKEN", TOKEN)
    UpCloud()


@pytest.mark.parametrize("given", ["ucat_text", ("me", "password"), 7])
def test_credentials_of_another_type_are_refused(given: Token) -> None:
    with pytest.raises(ConfigError, match="a Token, a Basic, or an async callable"):
        find_credentials(given)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Token(""), "the token is empty"),
        (lambda: Token(cast("str", None)), "the token is a NoneType, not text"),
        (lambda: Token(f"{SECRET}\n"), "line break"),
        (lambda: Token(f"{SECRET}\x01"), "copied completely"),
        (lambda: Token(f"{SECRET} {SECRET}"), "copied completely"),
        (lambda: Token(f"{SECRET}é"), "copied completely"),
        (lambda: Basic("", SECRET), "the user name is empty"),
        (lambda: Basic("me:you", SECRET), "colon"),
        (lambda: Basic("me\n", SECRET), "line break"),
        (lambda: Basic("me", ""), "the password is empty"),
        (lambda: Basic(cast("str", None), SECRET), "the user name is a NoneType, not text"),
        (lambda: Basic("me", f"{SECRET}\udcff"), "not valid Unicode"),
    ],
)
def test_an_invalid_credential_is_refused_and_not_shown(make: Callable[[], object], says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        make()
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_token_is_sent_as_bearer() -> None:
    assert Token("ucat_x").authorization() == "Bearer ucat_x"


def test_a_user_name_and_password_are_sent_as_basic() -> None:
    header = Basic("me", "pässwörd: yes").authorization()
    assert header == "Basic " + base64.b64encode("me:pässwörd: yes".encode()).decode()


def test_a_secret_can_be_given_as_secretstr() -> None:
    assert Token(SecretStr("ucat_x")) == Token("ucat_x")
    assert Basic("me", SecretStr("p")) == Basic("me", "p")


@pytest.mark.parametrize("credentials", [Token(TOKEN), Basic("me", SECRET)])
def test_a_secret_is_in_no_repr(credentials: Token | Basic) -> None:
    client = UpCloud(credentials)
    for shown in (repr(credentials), str(credentials), f"{credentials}", repr(client), repr(vars(client))):
        assert SECRET not in shown
    assert pickle.loads(pickle.dumps(credentials)) == credentials


async def test_a_secret_is_in_no_log_and_no_traceback_of_a_failing_call(
    api: respx.MockRouter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    api.get("/account").mock(side_effect=[httpx.ConnectError("no route"), refused(401)])
    caught: UpCloudError | None = None
    async with UpCloud(Token(TOKEN), waits=WaitPolicy(clock=AutojumpClock())) as cloud:
        try:
            await cloud.account.get()
        except AuthenticationFailed as error:
            caught = error
    assert caught is not None
    shown = "".join(traceback.TracebackException.from_exception(caught, capture_locals=True).format())
    assert "/account" in shown
    assert "/account" in caplog.text
    assert SECRET not in shown + caplog.text


async def test_a_callable_for_credentials_is_called_before_each_attempt(
    api: respx.MockRouter, clock: AutojumpClock
) -> None:
    given = iter(["ucat_1", "ucat_2", "ucat_3"])

    async def rotate() -> Token:
        await anyio.lowlevel.checkpoint()
        return Token(next(given))

    route = api.get("/account").mock(
        side_effect=[
            httpx.Response(503),
            *(2 * [httpx.Response(200, json={"account": {"username": "a", "credits": 1}})]),
        ]
    )
    async with UpCloud(rotate, waits=WaitPolicy(clock=clock)) as cloud:
        await cloud.account.get()
        await cloud.account.get()
    assert [request.headers["authorization"] for request in requests(route)] == [
        "Bearer ucat_1",
        "Bearer ucat_2",
        "Bearer ucat_3",
    ]


async def _text() -> str:
    return TOKEN


@pytest.mark.parametrize("given", [_text, lambda: Token(TOKEN), lambda: None])
async def test_a_wrong_result_of_the_callable_is_refused_and_not_shown(
    api: respx.MockRouter, given: Callable[[], Awaitable[Token]]
) -> None:
    async with UpCloud(given) as cloud:
        with pytest.raises(ConfigError, match="callable must be async and return a Token or a Basic") as caught:
            await cloud.account.get()
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert not api.calls


async def test_an_error_of_the_callable_is_raised_unchanged(api: respx.MockRouter) -> None:
    async def broken() -> Token:
        raise OSError("the vault is sealed")

    async with UpCloud(broken) as cloud:
        with pytest.raises(OSError, match="the vault is sealed"):
            await cloud.account.get()
    assert not api.calls


async def test_a_callable_that_hangs_ends_in_connect_timeout(api: respx.MockRouter) -> None:
    async def hang() -> Token:
        await anyio.sleep_forever()
        raise AssertionError("never")

    async with UpCloud(hang, timeout=0.01, retry=RetryPolicy(attempts=3)) as cloud:
        with pytest.raises(NotSent, match=r"callable returned nothing within 0\.01 s"):
            await cloud.account.get()
    assert not api.calls
