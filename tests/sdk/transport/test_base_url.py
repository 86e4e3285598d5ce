from __future__ import annotations

import traceback

import pytest

from upcloud_sdk import Token, UpCloud
from upcloud_sdk._transport.base_url import base_url
from upcloud_sdk.errors import ConfigError

DEBUG = "UPCLOUD_DEBUG_API_BASE_URL"
OFFICIAL = "https://api.upcloud.com/1.3"


def test_the_default_is_upclouds_api() -> None:
    assert base_url(None) == OFFICIAL


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("https://api.upcloud.com", OFFICIAL),
        ("https://api.upcloud.com/", OFFICIAL),
        ("https://api.upcloud.com/1.3", OFFICIAL),
        ("https://api.upcloud.com/1.3/", OFFICIAL),
        ("HTTPS://api.upcloud.com", OFFICIAL),
        ("https://proxy.example/upcloud", "https://proxy.example/upcloud/1.3"),
        ("https://proxy.example:8443/upcloud/1.3", "https://proxy.example:8443/upcloud/1.3"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/1.3"),
        ("http://[::1]:8080", "http://[::1]:8080/1.3"),
        ("http://localhost:8080/1.3", "http://localhost:8080/1.3"),
        ("http://api.localhost", "http://api.localhost/1.3"),
    ],
)
def test_the_version_in_the_url_is_optional(given: str, meant: str) -> None:
    assert base_url(given) == meant


def test_the_environment_variable_of_the_official_tools_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DEBUG, "http://127.0.0.1:8080")
    assert base_url(None) == "http://127.0.0.1:8080/1.3"
    assert repr(UpCloud(Token("ucat_x"), owner="me")) == "<UpCloud http://127.0.0.1:8080/1.3 owner='me' not open>"


def test_an_argument_wins_over_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DEBUG, "http://127.0.0.1:8080")
    assert base_url("https://api.upcloud.com") == OFFICIAL


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DEBUG, "")
    assert base_url(None) == OFFICIAL


@pytest.mark.parametrize(
    "value",
    [
        "nonsense",
        "localhost:8080",
        "127.0.0.1:8080",
        "http:/127.0.0.1:8080",
        "http:127.0.0.1",
        "//host",
        "http://[::1",
        " ",
    ],
)
def test_a_variable_that_is_not_a_url_is_refused_and_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(DEBUG, value)
    with pytest.raises(ConfigError, match=rf"^{DEBUG} is not an http\(s\) URL; .* http://127\.0\.0\.1:8080$"):
        UpCloud(Token("ucat_x"))


def test_plain_http_in_the_variable_is_refused_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DEBUG, "http://api.example")
    with pytest.raises(ConfigError, match=f"^{DEBUG} is plain http to api.example.*allow_http=True"):
        base_url(None)


@pytest.mark.parametrize("given", ["http://api.upcloud.com", "http://10.0.0.1:8080", "http://127.0.0.1.example"])
def test_plain_http_to_another_machine_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match="unencrypted: use https, or write allow_http=True"):
        base_url(given)


def test_plain_http_can_be_allowed() -> None:
    assert base_url("http://10.0.0.1:8080", allow_http=True) == "http://10.0.0.1:8080/1.3"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("", r"not an http\(s\) URL"),
        ("api.upcloud.com", r"not an http\(s\) URL"),
        ("ftp://api.upcloud.com", r"not an http\(s\) URL"),
        ("https://", r"not an http\(s\) URL"),
        ("https:/api.upcloud.com", r"not an http\(s\) URL"),
        ("https://api.upcloud.com:port", r"not an http\(s\) URL"),
        ("https://api.upcloud.com:0", r"not an http\(s\) URL"),
        ("https://api.upcloud.com:99999", r"not an http\(s\) URL"),
        ("https://[::1", r"not an http\(s\) URL"),
        ("http://[::1]evil.com", r"not an http\(s\) URL"),
        ("https://xn--a.example.com", r"not an http\(s\) URL"),
        ("http://a b", r"not an http\(s\) URL"),
        ("https://api.upcloud.com\\n", r"not an http\(s\) URL"),
        ("https://api.upcloud.com/?zone=fi-hel1", "a query or a fragment"),
        ("https://api.upcloud.com/#top", "a query or a fragment"),
    ],
)
def test_an_invalid_url_is_refused(given: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        base_url(given)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("https://me:MUST_NOT_BE_SHOWN@api.upcloud.com", "give them as Token or Basic"),
        ("https://me@api.upcloud.com", "give them as Token or Basic"),
        ("https://me:MUST_NOT_BE_SHOWN", "it should look like"),
        ("https://me:MUST/NOT_BE_SHOWN@api.upcloud.com", "it should look like"),
        ("me:MUST_NOT_BE_SHOWN@api.upcloud.com", "it should look like"),
    ],
)
def test_credentials_in_the_url_are_refused_and_not_shown(given: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        base_url(given)
    assert "MUST" not in "".join(traceback.format_exception(caught.value))
    assert "NOT_BE_SHOWN" not in "".join(traceback.format_exception(caught.value))
