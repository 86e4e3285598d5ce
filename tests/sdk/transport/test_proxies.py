"""The choice of the proxy for a request."""

from __future__ import annotations

import traceback

import httpx
import pytest

from upcloud_sdk._transport.proxies import place_of, proxy_for
from upcloud_sdk.errors import ConfigError

API = "https://api.upcloud.com/1.3"
OTHERS = (
    API,
    "https://localhost:8080/1.3",
    "https://upcloud.com",
    "https://upload.upcloud.com:8443/x",
    "https://127.0.0.1:8080/x",
    "https://[::1]:8080/x",
    "https://notupcloud.com",
)
NO_PROXY = [
    "", "*", "upcloud.com", ".upcloud.com", "api.upcloud.com", "UPCLOUD.COM", "upload.upcloud.com:8443",
    "upload.upcloud.com:8444", "localhost", "127.0.0.1", "127.0.0.1:8080", "127.0.0.1:9", "::1", "10.0.0.0/8",
    "https://api.upcloud.com", "http://api.upcloud.com", "all://upcloud.com", " a.example , upcloud.com ", "x,,*",
]  # fmt: skip


def _httpx_takes(url: str) -> str | None:
    """The proxy that httpx's own client uses for a URL."""
    client = httpx.AsyncClient()
    target = httpx.URL(url)
    mounts = client._mounts.items()  # pyright: ignore[reportPrivateUsage]  # there is no other way to ask it
    found = next((transport for pattern, transport in mounts if pattern.matches(target)), None)
    pool = getattr(found, "_pool", None)
    return None if pool is None else pool._proxy_url.host.decode()


@pytest.mark.parametrize("no_proxy", NO_PROXY)
@pytest.mark.parametrize("proxy", ["http://proxy.example:3128", "proxy.example:3128"])
def test_the_environment_is_read_as_in_httpx(monkeypatch: pytest.MonkeyPatch, no_proxy: str, proxy: str) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    monkeypatch.setenv("all_proxy", "http://all.example:1080")
    monkeypatch.setenv("no_proxy", no_proxy)
    taken = {url: proxy_for(httpx.URL(url), None) for url in OTHERS}
    assert {url: found and found.url.host for url, found in taken.items()} == {url: _httpx_takes(url) for url in OTHERS}


LOOPBACK = ["http://localhost:8080/1.3", "http://127.0.0.1:8080/x", "http://[::1]:8080/x"]


@pytest.mark.parametrize("url", LOOPBACK)
def test_plain_http_to_this_machine_uses_no_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("all_proxy", "http://all.example:1080")
    assert proxy_for(httpx.URL(url), None) is None


@pytest.mark.parametrize("proxy", ["http://me:MUST_NOT@proxy.example:3128", httpx.Proxy("https://proxy.example")])
@pytest.mark.parametrize("url", LOOPBACK)
def test_a_given_proxy_that_would_get_credentials_for_this_machine_is_refused(
    url: str, proxy: str | httpx.Proxy
) -> None:
    with pytest.raises(ConfigError, match="proxy would get the credentials unencrypted") as caught:
        proxy_for(httpx.URL(url), proxy)
    assert "MUST_NOT" not in "".join(traceback.format_exception(caught.value))


def test_a_given_proxy_on_this_machine_is_used_for_this_machine() -> None:
    assert place_of(proxy_for(httpx.URL(LOOPBACK[0]), "http://127.0.0.1:3128")) == "127.0.0.1:3128"


@pytest.mark.parametrize("entry", ["api.upcloud.com:443", "[::1]:8080", "cafe.upcloud.com:443"])
def test_no_proxy_matches_default_ports_and_ipv6_addresses_with_ports(
    monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    monkeypatch.setenv("all_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", entry)
    urls = [API, "https://[::1]:8080/", "https://cafe.upcloud.com"]
    without = [url for url in urls if proxy_for(httpx.URL(url), None) is None]
    assert len(without) == 1
    assert httpx.URL(without[0]).host in entry


@pytest.mark.parametrize("entry", ["bad host:xx", "[::1", "a:b:c:d:e", ":"])
def test_an_unreadable_entry_of_no_proxy_is_ignored(monkeypatch: pytest.MonkeyPatch, entry: str) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", entry)
    assert place_of(proxy_for(httpx.URL(API), None)) == "proxy.example:3128"


@pytest.mark.parametrize("rest", ["/BE_SHOWN@proxy.example:3128", "@proxy.example:99999"], ids=["slash", "port"])
@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY"])
def test_a_proxy_that_is_not_a_url_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, variable: str, rest: str
) -> None:
    monkeypatch.setenv(variable, f"http://me:MUST_NOT{rest}")
    with pytest.raises(ConfigError, match=r"it should look like http://proxy\.example\.com:3128") as caught:
        proxy_for(httpx.URL(API), None)
    assert "MUST_NOT" not in "".join(traceback.format_exception(caught.value))


def test_the_location_of_a_proxy_does_not_contain_its_password() -> None:
    proxy = proxy_for(httpx.URL(API), "http://me:MUST_NOT_BE_SHOWN@proxy.example:3128")
    assert place_of(proxy) == "proxy.example:3128"
