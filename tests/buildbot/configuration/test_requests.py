"""The server of a build, made from the worker's arguments."""

from __future__ import annotations

import json
import re
from ipaddress import IPv4Address
from typing import Any

import pytest
from pydantic import SecretStr
from twisted.internet import defer

from tests.buildbot._types import Interpolate, Properties, renderer
from upcloud_sdk import InterfaceSpec, Recipe, ServerSpec, StorageDeviceSpec
from upcloud_sdk.buildbot.configuration.arguments import Arguments
from upcloud_sdk.buildbot.configuration.bootstrap import Bootstrap, Guest
from upcloud_sdk.buildbot.configuration.request import ServerRequest
from upcloud_sdk.buildbot.configuration.values import NotRendered
from upcloud_sdk.models import StorageSummary
from upcloud_sdk.models.ownership import IMAGE

GUEST = Guest(name="linux_1", password=SecretStr("s3cret"), master="ci.example.com", port=9989)


def template(**fields: Any) -> StorageSummary:  # noqa: ANN401 - fields of the model
    facts = {
        "uuid": "01000000-0000-4000-8000-000020070100",
        "title": "Debian GNU/Linux 12 (Bookworm)",
        "type": "template",
        "template_type": "cloud-init",
        "access": "public",
        "state": "online",
        "size": 10,
        "license": 0,
    }
    return StorageSummary.model_validate({**facts, **fields})


async def requested(arguments: Arguments, properties: Properties) -> ServerRequest:
    return ServerRequest.of(await arguments.rendered(properties.render))


def request(properties: Properties | None = None, **arguments: Any) -> ServerRequest:  # noqa: ANN401 - the worker's
    arguments.setdefault("image", "Debian")
    found: list[ServerRequest] = []
    made = requested(Arguments(**arguments), properties or Properties())
    defer.ensureDeferred(made).addCallback(found.append)
    return found[0]


def specs(of: StorageSummary | None = None, **arguments: Any) -> list[ServerSpec]:  # noqa: ANN401 - the worker's
    return request(**arguments).specs(of or template(), title="buildbot-linux-1-abcdef", guest=GUEST)


def test_the_defaults_are_those_of_the_worker_that_ships_with_buildbot() -> None:
    [spec] = specs()
    [disk] = spec.storage_devices
    assert (spec.zone, spec.plan, spec.title) == ("de-fra1", "1xCPU-1GB", "buildbot-linux-1-abcdef")
    assert (disk.action, disk.storage, disk.size, disk.tier) == ("clone", template().uuid, 10, "maxiops")


RECIPE = Recipe(base="debian-13", commands=["apt-get install -y git"], files={"/etc/motd": "hi"}, size=30)


def _told(spec: ServerSpec) -> dict[str, Any]:
    assert spec.user_data is not None
    document: dict[str, Any] = json.loads(spec.user_data.get_secret_value().partition("\n")[2])
    return document


def test_a_server_of_the_base_of_a_recipe_runs_its_commands_before_the_worker_starts() -> None:
    [spec] = specs(image=RECIPE, bootstrap="image")
    document = _told(spec)
    files = {each["path"]: each["content"] for each in document["write_files"]}
    first, *rest = document["runcmd"]
    script = first.split()[1]
    assert files["/etc/motd"] == "hi"
    assert "step 1 sh -e -c 'apt-get install -y git'" in files[script]
    assert "|| { systemctl poweroff;" in first
    assert rest[-1][:2] == ["systemctl", "start"]
    assert "upcloud-sdk-image.service" not in json.dumps(document)
    assert spec.storage_devices[0].size == 30


def test_a_server_of_the_image_of_a_recipe_runs_them_no_more() -> None:
    baked = template(labels=[{"key": IMAGE, "value": RECIPE.digest}], size=30)
    [spec] = specs(baked, image=RECIPE, bootstrap="image")
    assert spec.metadata is True
    assert "git" not in json.dumps(_told(spec))


@pytest.mark.parametrize("own", [{"bootstrap": "#!/bin/sh"}, {"bootstrap": False}, {"hostconfig": {"user_data": "x"}}])
def test_a_recipe_goes_with_a_bootstrap_of_the_workers_own(own: dict[str, Any]) -> None:
    problems = list(Arguments(api_token="t", image=RECIPE, **own).problems({}))
    assert any("give a Bootstrap, or the name of its install" in each for each in problems)
    with pytest.raises(ValueError, match="only a Bootstrap can run its commands"):
        specs(image=RECIPE, **own)


def test_equal_recipes_share_a_server_and_how_often_their_base_is_looked_at_does_not_matter() -> None:
    same = Recipe.model_validate(RECIPE.model_dump())
    assert request(image=RECIPE, refresh=60) == request(image=same)
    assert request(image=RECIPE) != request(image=Recipe(base="debian-13"))


def test_the_host_is_named_after_the_worker_as_far_as_host_names_go() -> None:
    assert specs()[0].hostname == "linux-1"
    assert specs(hostconfig={"hostname": "builder.example.com"})[0].hostname == "builder.example.com"


def test_no_password_is_asked_for() -> None:
    login = specs(hostconfig={"ssh_keys": ["ssh-ed25519 AAAA ci"]})[0].login_user
    assert login is not None
    assert (login.username, login.create_password, login.ssh_keys) == ("root", False, ("ssh-ed25519 AAAA ci",))


@pytest.mark.parametrize(("kind", "metadata"), [("cloud-init", True), ("native", False)])
def test_metadata_follows_the_type_of_the_template(kind: str, metadata: bool) -> None:
    assert specs(template(template_type=kind))[0].metadata is metadata


def test_the_disk_is_as_large_as_its_template_needs() -> None:
    assert specs(template(size=30))[0].storage_devices[0].size == 30


def test_a_disk_that_is_smaller_than_its_template_is_an_error_that_names_both_sizes() -> None:
    with pytest.raises(ValueError, match=r"20 GB, but image 'Debian GNU/Linux 12 .* needs 30 GB"):
        specs(template(size=30), hostconfig={"os_disk_size": 20})


def test_a_custom_plan_has_cores_and_memory() -> None:
    [spec] = specs(hostconfig={"plan": "custom", "core_number": 3, "memory_amount": 6144})
    assert (spec.plan, spec.core_number, spec.memory_amount) == ("custom", 3, 6144)


def test_cores_and_memory_are_not_sent_with_a_plan_that_fixes_them() -> None:
    [spec] = specs(hostconfig={"core_number": 3, "memory_amount": 6144})
    assert (spec.core_number, spec.memory_amount) == (None, None)


def test_developer_plans_get_disks_of_their_own_tier() -> None:
    assert specs(hostconfig={"plan": "DEV-1xCPU-1GB"})[0].storage_devices[0].tier is None


def test_places_are_tried_in_the_order_given() -> None:
    wanted = specs(zones=["fi-hel1", "de-fra1"], plans=["2xCPU-4GB", "4xCPU-8GB"])
    assert [(spec.zone, spec.plan) for spec in wanted] == [
        ("fi-hel1", "2xCPU-4GB"),
        ("fi-hel1", "4xCPU-8GB"),
        ("de-fra1", "2xCPU-4GB"),
        ("de-fra1", "4xCPU-8GB"),
    ]


def test_the_machine_has_the_networks_disks_labels_and_group_that_were_asked_for() -> None:
    data = StorageDeviceSpec.attach("01aaaaaa-0000-4000-8000-000000000001")
    private = InterfaceSpec.private("03aaaaaa-0000-4000-8000-000000000001", address=IPv4Address("10.0.0.5"))
    [spec] = specs(
        networks=["public-ipv6", "utility", "03aaaaaa-0000-4000-8000-000000000002", private],
        storages=[data],
        labels={"team": "ci"},
        server_group="0baaaaaa-0000-4000-8000-000000000001",
        firewall=True,
        hostconfig={"encrypted": True, "timezone": "Europe/Helsinki"},
    )
    assert spec.networking == (
        InterfaceSpec.public("IPv6"),
        InterfaceSpec.utility(),
        InterfaceSpec.private("03aaaaaa-0000-4000-8000-000000000002"),
        private,
    )
    assert spec.storage_devices[0].encrypted is True
    assert spec.storage_devices[1] == data
    assert (spec.labels, spec.server_group) == ({"team": "ci"}, "0baaaaaa-0000-4000-8000-000000000001")
    assert (spec.firewall, spec.timezone) == (True, "Europe/Helsinki")


def test_numbers_may_be_text_as_in_properties() -> None:
    host = {"plan": "custom", "os_disk_size": Interpolate("%(prop:disk)s"), "core_number": "2", "memory_amount": "2048"}
    made = request(Properties(disk="20"), hostconfig=host)
    [spec] = made.specs(template(), title="bot", guest=GUEST)
    assert (spec.storage_devices[0].size, spec.core_number, spec.memory_amount) == (20, 2, 2048)


def test_one_network_need_not_be_in_a_list() -> None:
    assert specs(networks="public")[0].networking == (InterfaceSpec.public(),)


def test_values_are_those_of_the_build() -> None:
    made = request(
        Properties(plan="4xCPU-8GB", where="fi-hel2"),
        zone=Interpolate("%(prop:where)s"),
        hostconfig={"plan": Interpolate("%(prop:plan)s")},
    )
    assert (made.zones, made.plans) == (("fi-hel2",), ("4xCPU-8GB",))


def test_requests_are_equal_if_the_same_server_serves_both() -> None:
    by_plan = {"hostconfig": {"plan": Interpolate("%(prop:plan)s")}}
    small = Properties(plan="1xCPU-1GB")
    assert request(small, **by_plan) == request(Properties(plan="1xCPU-1GB", branch="main"), **by_plan)
    assert request(small, **by_plan) != request(Properties(plan="2xCPU-4GB"), **by_plan)


@renderer
def misspelt(props: Any) -> dict[str, str]:  # noqa: ANN401 - Buildbot's
    return {"plam": "custom"}


def test_an_unknown_key_after_rendering_is_refused() -> None:
    failures: list[str] = []
    made = defer.ensureDeferred(requested(Arguments(image="Debian", hostconfig=misspelt), Properties()))
    made.addErrback(lambda failure: failures.append(str(failure)))
    assert "did you mean 'plan'" in failures[0]


def test_labels_choose_among_templates() -> None:
    wanted = request(image={"role": "ci"}).template()
    assert callable(wanted)
    assert wanted(template(labels=[{"key": "role", "value": "ci"}, {"key": "_os_type", "value": "linux"}]))
    assert not wanted(template(labels=[{"key": "role", "value": "web"}]))


def test_other_images_are_handed_on_as_they_are() -> None:
    assert request(image="Debian").template() == "Debian"
    assert request(image=re.compile("Debian")).template() == re.compile("Debian")


def test_user_data_is_sent_as_it_is() -> None:
    [spec] = specs(hostconfig={"user_data": "#!/bin/sh\necho {braces} %s @NAME@\n"})
    assert spec.user_data is not None
    assert spec.user_data.get_secret_value() == "#!/bin/sh\necho {braces} %s @NAME@\n"


def test_a_bootstrap_has_the_tokens_filled_in_and_nothing_else_touched() -> None:
    [spec] = specs(bootstrap="create-worker /w @MASTER@:@PORT@ @NAME@ @PASSWORD@ # {x} %s @OTHER@")
    assert spec.user_data is not None
    assert spec.user_data.get_secret_value() == "create-worker /w ci.example.com:9989 linux_1 s3cret # {x} %s @OTHER@"


def document(**arguments: Any) -> str | None:  # noqa: ANN401 - the worker's
    of = arguments.pop("of", None)
    user_data = specs(of, **arguments)[0].user_data
    return None if user_data is None else user_data.get_secret_value()


def test_without_user_data_the_worker_writes_a_document_of_its_own() -> None:
    assert document() == Bootstrap().document(GUEST)
    assert document(hostconfig={"user_data": ""}) == Bootstrap().document(GUEST)
    assert document(bootstrap="venv") == Bootstrap(install="venv").document(GUEST)
    own = Bootstrap(install="image", connection="tls")
    assert document(bootstrap=own) == own.document(GUEST)


def test_an_image_whose_worker_starts_by_itself_is_told_nothing() -> None:
    assert document(bootstrap=False) is None


def test_an_image_without_cloud_init_gets_no_document_and_says_so_if_one_was_asked_for() -> None:
    native = template(template_type="native")
    assert document(of=native) is None
    with pytest.raises(ValueError, match="has no cloud-init"):
        document(of=native, bootstrap="package")


def test_a_value_that_looks_like_a_token_is_not_filled_in_again() -> None:
    guest = Guest(name="@PASSWORD@", password=SecretStr("s3cret"), master="m", port=1)
    assert guest.fill("@NAME@") == "@PASSWORD@"


def test_a_request_does_not_show_what_the_guest_is_told() -> None:
    assert "canary" not in repr(request(bootstrap="canary", hostconfig=None))
    assert "canary" not in repr(request(hostconfig={"user_data": "canary"}))


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"image": renderer(lambda _: None)}, "image is missing"),
        ({"image": Interpolate("%(prop:image)s")}, "image is missing"),
        ({"image": renderer(lambda _: 12)}, "not int"),
        ({"hostconfig": {"plan": renderer(lambda _: 3)}}, "hostconfig['plan'] is text, not int"),
        ({"hostconfig": {"os_disk_size": renderer(lambda _: "big")}}, "hostconfig['os_disk_size'] is a whole number"),
        (
            {"networks": renderer(lambda _: [4])},
            "a list of names, uuids and InterfaceSpec, not list of int",
        ),
        ({"bootstrap": renderer(lambda _: b"NPM_TOKEN=canary")}, "or False, not bytes"),
        ({"zones": renderer(lambda _: "de-fra1")}, "zones is a list of names"),
        ({"plans": renderer(lambda _: [])}, "plans is a list of names"),
    ],
)
def test_values_of_a_build_that_make_no_server_are_an_error(values: dict[str, Any], problem: str) -> None:
    found: list[str] = []
    arguments: dict[str, Any] = {"image": "Debian", **values}
    made = requested(Arguments(**arguments), Properties())
    defer.ensureDeferred(made).addErrback(lambda failure: found.append(failure.getErrorMessage()))
    assert problem in found[0]
    assert "canary" not in found[0]


def test_an_argument_that_cannot_be_rendered_is_named_with_the_kind_of_the_error_but_without_its_words() -> None:
    found: list[BaseException] = []

    @renderer
    def sealed(_: object) -> str:
        raise ValueError("token=canary")

    def note(failure: Any) -> None:  # noqa: ANN401 - Twisted's
        found.append(failure.value)

    for given in (Arguments(image=sealed), Arguments(image="Debian", hostconfig={"plan": sealed})):
        defer.ensureDeferred(requested(given, Properties())).addErrback(note)
    assert [type(error) for error in found] == [NotRendered, NotRendered]
    assert str(found[0]).startswith("image cannot be rendered: ValueError in ")
    assert str(found[1]).startswith("hostconfig cannot be rendered: ValueError")
    assert all(error.__cause__ is error.__context__ is None for error in found)
