"""Valid arguments of a worker, and refused ones with a helpful sentence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.buildbot._types import ConfigErrors, Secret, renderer
from upcloud_sdk.buildbot import Bootstrap, UpcloudLatentWorker, upcloud_workers
from upcloud_sdk.buildbot.configuration.values import host_and_port
from upcloud_sdk.models import ServerGroupSpec

if TYPE_CHECKING:
    from upcloud_sdk.models import StorageSummary

ACCOUNT = {"api_username": "username", "api_password": "password"}
LEAST: dict[str, Any] = {**ACCOUNT, "image": "Debian GNU/Linux 9.3 (Stretch)"}


def is_debian(template: StorageSummary) -> bool:
    return "Debian" in (template.title or "")


@renderer
def image_of_the_build(props: Any) -> str:  # noqa: ANN401 - Buildbot's
    return f"image-{props.getProperty('distribution')}"


@pytest.mark.parametrize(
    "arguments",
    [
        # The quick-start sample and the complete example of Buildbot's own documentation.
        {
            **LEAST,
            "hostconfig": {"user_data": "\n/usr/bin/apt-get update\n/usr/bin/buildslave start /buildslave\n"},
        },
        {
            **LEAST,
            "hostconfig": {
                "zone": "de-fra1",
                "plan": "1xCPU-1GB",
                "hostname": "hostname",
                "ssh_keys": ["ssh-rsa ...."],
                "os_disk_size": 10,
                "core_number": 1,
                "memory_amount": 512,
                "user_data": "",
            },
        },
        {**LEAST, "base_url": "https://api.upcloud.com/1.3", "masterFQDN": "buildbot.example.com"},
        {**LEAST, "zone": "fi-hel1"},
        {**ACCOUNT, "image": image_of_the_build, "hostconfig": image_of_the_build},
        {**ACCOUNT, "image": re.compile("Debian .* 12")},
        {**ACCOUNT, "image": is_debian},
        {**ACCOUNT, "image": {"role": "ci"}},
        {**LEAST, "api_password": Secret("upcloud")},
        {"api_token": "ucat_1", "image": "Debian"},
        {"api_token": Secret("upcloud"), "image": "Debian", "base_url": Secret("where")},
        {**LEAST, "zones": ["fi-hel1", "fi-hel2"], "plans": ["2xCPU-4GB", "4xCPU-8GB"], "labels": {"team": "ci"}},
        {**LEAST, "bootstrap": "venv"},
        {**LEAST, "bootstrap": Bootstrap(install="image")},
        {**LEAST, "bootstrap": Bootstrap(connection="wss"), "masterFQDN": "ci.example.com:443"},
        {**LEAST, "bootstrap": Bootstrap(), "masterFQDN": "[2001:db8::1]:9989"},
        {**LEAST, "bootstrap": False, "hostconfig": {"user_data": "true"}},
        {**LEAST, "build_wait_timeout": 0, "max_builds": 1, "properties": {"a": 1}, "check_instance_interval": 5},
    ],
)
def test_the_worker_takes_these_arguments(arguments: dict[str, Any]) -> None:
    assert UpcloudLatentWorker("upcloud-worker", "pass", **arguments).name == "upcloud-worker"


def test_arguments_may_be_given_in_the_order_of_the_worker_that_ships_with_buildbot() -> None:
    UpcloudLatentWorker("bot", None, "fi-hel1", "user", "password", "Debian", {}, "https://api.upcloud.com/1.3", "here")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "give api_token, or both api_username and api_password"),
        ({"image": "test-image"}, "give api_token, or both api_username and api_password"),
        ({"image": "test-image", "api_username": "user"}, "give api_token, or both"),
        ({**LEAST, "api_token": "ucat_1"}, "either api_token or api_username and api_password"),
        ({**LEAST, "api_password": ""}, "the password is empty"),
        ({"api_token": " ucat_1\n", "image": "Debian"}, "white space"),
        ({**LEAST, "base_url": "http://api.example.com"}, "http"),
        ({**LEAST, "owner": ""}, "owner"),
        (ACCOUNT, "image is missing"),
        ({**ACCOUNT, "image": 12}, "not int"),
        ({**LEAST, "hostconfig": "1xCPU-1GB"}, "hostconfig is a mapping, not str"),
        ({**LEAST, "hostconfig": {"disk_size": 20}}, "did you mean 'os_disk_size'?"),
        ({**LEAST, "hostconfig": {"ssh_keys": "ssh-ed25519 AAAA"}}, "a list of public keys"),
        ({**LEAST, "hostconfig": {"user_data": "true"}, "bootstrap": "@NAME@"}, "both say what the guest runs"),
        ({**LEAST, "bootstrap": True}, "a document with tokens, or False, not bool"),
        ({**LEAST, "zone": "fi-hel1", "zones": ["fi-hel2"]}, "zone and zones"),
        ({**LEAST, "hostconfig": {"plan": "custom"}, "plans": ["1xCPU-1GB"]}, "'plan'] and plans"),
        ({**LEAST, "zones": "fi-hel1"}, "zones is a list"),
        ({**LEAST, "plans": []}, "plans is a list of names, at least one"),
        ({**LEAST, "boot_timeout": 0}, "boot_timeout is a number of seconds above 0"),
        ({**LEAST, "attach_timeout": "1"}, "attach_timeout is a number of seconds above 0"),
        ({**LEAST, "server_group": ["a"]}, "server_group is a uuid, or a ServerGroupSpec"),
        ({**LEAST, "max_servers": 0}, "max_servers is a whole number above 0"),
        ({**LEAST, "build_wait_timout": 0}, "did you mean 'build_wait_timeout'?"),
        ({**LEAST, "masterFQDN": "ci.example.com:worker"}, "masterFQDN is 'host' or 'host:port'"),
        ({**LEAST, "masterFQDN": "ci.example.com:99999"}, "masterFQDN is 'host' or 'host:port'"),
        ({**LEAST, "masterFQDN": "wss://ci.example.com:443"}, "masterFQDN is 'host' or 'host:port'"),
        ({**LEAST, "masterFQDN": "[::1]:9989", "bootstrap": Bootstrap(connection="ws")}, "give a name instead"),
        ({**LEAST, "build_wait_timeout": "600"}, "build_wait_timeout is a number of seconds, or a PaidHour, not str"),
        (
            {**LEAST, "build_wait_timeout": None},
            "a number of seconds, or a PaidHour, not NoneType",
        ),
        ({**LEAST, "max_builds": "2"}, "max_builds is a whole number above 0, or None for no limit, not str"),
        ({**LEAST, "seal_metadata": "no"}, "seal_metadata is True or False, not str"),
        ({**LEAST, "firewall": "yes"}, "firewall is True or False, not str"),
        ({**LEAST, "labels": ["a"]}, "labels is a mapping of texts, not list of str"),
        ({**LEAST, "hostconfig": {"plan": 3}}, "hostconfig['plan'] is text, not int"),
        ({**LEAST, "storages": ["a"]}, "storages is a list of StorageDeviceSpec, not list of str"),
        ({"api_token": 12345, "image": "Debian"}, "api_token is text, or a SecretStr, not int"),
        ({**LEAST, "boot_timout": 1}, "did you mean 'boot_timeout'?"),
    ],
)
def test_the_worker_refuses_these_arguments(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigErrors) as refused:
        UpcloudLatentWorker("bot", "pass", **arguments)
    assert sentence in "\n".join(refused.value.errors)


@pytest.mark.parametrize(
    "wrong",
    [
        {"bootstrap": b"NPM_TOKEN=canary"},
        {"bootstrap": {"script": "canary"}},
        {"hostconfig": "canary"},
        {"hostconfig": {"user_data": b"canary"}},
        {"labels": "canary"},
        {"zones": "canary"},
        {"max_servers": "canary"},
        {"boot_timeout": "canary"},
        {"server_group": b"canary"},
        {"masterFQDN": "user:canary@host:port"},
    ],
)
def test_a_refusal_names_the_argument_and_not_its_value(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigErrors) as refused:
        UpcloudLatentWorker("bot", "pass", **{**LEAST, **wrong})
    text = "\n".join(refused.value.errors)
    assert next(iter(wrong)) in text
    assert "canary" not in text


def test_a_password_that_is_no_text_is_refused_without_showing_it() -> None:
    with pytest.raises(ConfigErrors, match="password is text, not int") as refused:
        UpcloudLatentWorker("bot", 12345, **LEAST)
    assert "12345" not in str(refused.value)


def test_a_refusal_does_not_show_secrets() -> None:
    with pytest.raises(ConfigErrors) as refused:
        UpcloudLatentWorker("bot", "guest-canary", api_username="user", api_password="api-canary", image=None)
    assert "canary" not in "\n".join(refused.value.errors)


def test_many_workers_differ_in_their_names_only() -> None:
    workers = upcloud_workers(3, "linux", zone="fi-hel1", **LEAST)
    assert [worker.name for worker in workers] == ["linux-1", "linux-2", "linux-3"]
    assert len({repr(vars(worker.arguments_as_given)) for worker in workers}) == 1


def test_many_workers_may_be_in_one_group() -> None:
    wanted = ServerGroupSpec(title="buildbot-linux", anti_affinity="strict")
    workers = upcloud_workers(2, "linux", anti_affinity="strict", **LEAST)
    assert [worker.arguments_as_given.server_group for worker in workers] == [wanted, wanted]


@pytest.mark.parametrize(
    ("count", "arguments", "sentence"),
    [
        (0, {}, "give 1 or more"),
        (1, {"anti_affinity": "best"}, "'strict', 'yes'"),
        (1, {"anti_affinity": "yes", "server_group": "0b"}, "give one of them"),
    ],
)
def test_invalid_arguments_of_many_workers_are_refused(count: int, arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        upcloud_workers(count, "linux", **arguments, **LEAST)


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("ci.example.com", ("ci.example.com", None)),
        ("ci.example.com:9990", ("ci.example.com", 9990)),
        ("[2001:db8::1]:9990", ("[2001:db8::1]", 9990)),
        ("[2001:db8::1]", ("[2001:db8::1]", None)),
        ("2001:db8::1", ("2001:db8::1", None)),
    ],
)
def test_the_masters_address_may_have_a_port(address: str, parts: tuple[str, int | None]) -> None:
    assert host_and_port(address) == parts
