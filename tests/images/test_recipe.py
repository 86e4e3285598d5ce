"""A recipe is data with a digest, and refuses secrets."""

from __future__ import annotations

import json
import pickle
import re
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from upcloud_sdk import Recipe
from upcloud_sdk.images.guest import user_data

if TYPE_CHECKING:
    from pathlib import Path


def _recipe(**fields: Any) -> Recipe:  # noqa: ANN401 - those of a recipe
    return Recipe.model_validate({"base": "debian-13", **fields})


def test_the_digest_is_the_same_in_each_release() -> None:
    """Images of an older release are found again."""
    recipe = Recipe(base="debian-13", commands=["true", ["echo", "ä"]], files={"/etc/motd": "hello\n"}, size=12)
    assert recipe.digest == "814c65faa0b364f751dc88753ebcfab0"
    assert Recipe.model_validate_json(recipe.model_dump_json()).digest == recipe.digest
    copy: Recipe = pickle.loads(pickle.dumps(recipe))
    assert (copy, copy.digest, hash(copy)) == (recipe, recipe.digest, hash(recipe))


@pytest.mark.parametrize(
    "other",
    [
        {"base": "debian-12"},
        {"commands": ["true", "true"]},
        {"commands": [["true"]]},
        {"files": {"/etc/motd": ""}},
        {"files": {"/etc/motd2": "hello"}},
        {"size": 20},
    ],
)
def test_base_commands_files_and_size_change_the_digest(other: dict[str, Any]) -> None:
    fields: dict[str, Any] = {"commands": ["true"], "files": {"/etc/motd": "hello"}, "size": 10}
    assert _recipe(**fields).digest != _recipe(**(fields | other)).digest


def test_the_order_of_files_and_the_name_do_not_change_the_digest() -> None:
    files = {"/a": "1", "/b": "2"}
    turned = dict(reversed(files.items()))
    assert _recipe(files=files, name="tools").digest == _recipe(files=turned, name="others").digest


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("echo '-----BEGIN OPENSSH PRIVATE KEY-----' > /root/.ssh/id", "a private key"),
        ("echo '-----BEGIN PRIVATE KEY-----'", "a private key"),
        ("echo '-----BEGIN PGP PRIVATE KEY BLOCK-----'", "a private key"),
        ("export UPCLOUD_TOKEN=ucat_01H8XABCDEF", "an API token of UpCloud"),
        ("git clone https://me:hunter22@example.com/x.git", "a password in a URL"),
        ("git clone https://ghp_0123456789abcdefghijABCDEFGHIJ012345@github.com/x", "a token of GitHub"),
        ("export CI_TOKEN=glpat-0123456789abcdefghij", "a token of GitLab"),
        ("register --token glrt-0123456789abcdefghij", "a token of GitLab"),
        ("curl -H 'Deploy-Token: gldt-0123456789abcdefghij'", "a token of GitLab"),
        ("curl -F token=glptt-0123456789abcdefghij", "a token of GitLab"),
        ("echo AKIA0123456789ABCDEF", "an access key of AWS"),
        ("redis-cli -u redis://:hunter22@cache.example.com", "a password in a URL"),
        ("PASSWORD='$xhunter22'", "a password"),
        ("mysql --password=hunter22", "a password"),
        ('echo "password: hunter22" > /etc/x', "a password"),
        ("export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI", "a password"),
        ('{"api_key": "0123456789"}', "a password"),
    ],
)
def test_a_recognised_secret_is_refused_and_not_shown(command: str, kind: str) -> None:
    for fields in ({"commands": [command]}, {"commands": [["sh", "-c", command]]}, {"files": {"/etc/x": command}}):
        with pytest.raises(ValidationError) as refused:
            _recipe(**fields)
        text = str(refused.value)
        assert f"seems to contain {kind}" in text
        assert "give secrets to servers when they are created" in text
        assert not any(secret in text for secret in ("hunter22", "01H8X", "0123456789", "wJalr"))


@pytest.mark.parametrize(
    "command",
    [
        "pip install buildbot-worker==4.3.0 twisted[tls]",
        "curl -fsS https://example.com:8443/key.asc | gpg --dearmor",
        "mysql --password=$PASSWORD --password-file=/run/secret",
        "password_file=/run/secrets/password",
        "PASSWORD=${PASSWORD:?}",
        "sed -i 's/^#PasswordAuthentication.*/PasswordAuthentication no/' /etc/ssh/sshd_config",
        "-----BEGIN CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----",
        "git clone git@github.com:buildbot/buildbot.git",
        "git clone https://$USER:$TOKEN@example.com/x.git",
        "echo ucat_ is how a token begins",
        "passwd:         files systemd",
        "lock_passwd: true",
        "become_ask_password = False",
        "PASSWORD='$DB_PASSWORD' PASSWORD='${DB_PASSWORD}'",
        "mysql --password=hunter22  # pragma: allowlist secret",
    ],
)
def test_text_that_only_resembles_a_secret_is_accepted(command: str) -> None:
    assert _recipe(commands=[command], files={"/etc/x": command}).commands == (command,)


def test_a_copy_with_other_commands_has_another_digest() -> None:
    recipe = _recipe(commands=["true"])
    assert recipe.digest != recipe.model_copy(update={"commands": ("false",)}).digest


BAD: list[tuple[dict[str, Any], str]] = [
    ({"commands": [1]}, "Input should be a valid"),
    ({"commands": "true"}, "commands is a list: write commands=['...']"),
    ({"commands": [" "]}, "command 1 is empty"),
    ({"commands": ["true", []]}, "command 2 is empty"),
    ({"commands": ["a\0b"]}, "command 1 contains a null character"),
    ({"files": {"etc/motd": ""}}, "give full paths"),
    ({"files": {"/etc/../motd": ""}}, "give full paths"),
    ({"size": 0}, "greater than or equal to 1"),
    ({"base": ""}, "at least 1 character"),
    ({"name": "my tools"}, "a name has 1 to 63 letters"),
    ({"commands": ["x" * 64_000]}, "user_data can have 65535"),
    ({"command": ["true"]}, "Extra inputs are not permitted"),
]


@pytest.mark.parametrize(("fields", "words"), BAD, ids=[words for _, words in BAD])
def test_the_error_for_an_invalid_recipe_says_what_to_write(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        _recipe(**fields)
    assert words in str(refused.value)


def test_the_user_data_writes_files_runs_commands_and_always_switches_off() -> None:
    recipe = _recipe(commands=["echo 'it''s'; false", ["touch", "/a b"]], files={"/etc/motd": "hello\n"})
    head, _, text = user_data(recipe.commands, recipe.files).partition("\n")
    document = json.loads(text)
    assert head == "#cloud-config"
    written = {each["path"]: each["content"] for each in document["write_files"]}
    assert written["/etc/motd"] == "hello\n"
    [[shell, script]] = document["runcmd"]
    steps = [shlex.split(line) for line in written[script].splitlines() if line.startswith("step ")]
    assert (shell, steps) == (
        "sh",
        [["step", "1", "sh", "-e", "-c", "echo 'it''s'; false"], ["step", "2", "touch", "/a b"]],
    )
    assert document["power_state"]["mode"] == "poweroff"
    assert document["power_state"]["condition"] is True


def _run(recipe: Recipe, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the guest's script with the commands in a folder of the test."""
    document = json.loads(user_data(recipe.commands, recipe.files).partition("\n")[2])
    [[_, script]] = document["runcmd"]
    text = next(each["content"] for each in document["write_files"] if each["path"] == script)
    place = script.rpartition("/")[0]
    (folder / "systemctl").write_text("#!/bin/sh\n")
    (folder / "systemctl").chmod(0o700)
    path = f"{folder}:/usr/bin:/bin"
    command = ["sh", "-c", text.replace(place, str(folder))]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env={"PATH": path})


def test_commands_run_in_order_and_their_success_is_recorded(tmp_path: Path) -> None:
    done = _run(_recipe(commands=["echo one", ["echo", "it's two"], "cat; pwd"]), tmp_path)
    said = done.stdout.splitlines()
    assert [line for line in said if not line.startswith("upcloud-sdk:")] == ["one", "it's two", "/"]
    assert said[-1] == "upcloud-sdk: all commands have ended"
    assert (done.returncode, (tmp_path / "done").exists()) == (0, True)


@pytest.mark.parametrize("command", ["false; echo on", ["sh", "-c", "exit 7"], "no-such-program", ["no-such-program"]])
def test_the_first_failing_command_ends_the_run_and_no_success_is_recorded(tmp_path: Path, command: object) -> None:
    done = _run(_recipe(commands=["true", command, "echo on"]), tmp_path)
    assert "upcloud-sdk: command 2 has failed with status" in done.stdout
    assert "on\n" not in done.stdout.replace("command", "")
    assert (done.returncode, (tmp_path / "done").exists()) == (1, False)


def test_the_scripts_have_valid_shell_syntax() -> None:
    recipe = _recipe(commands=["true"])
    document = json.loads(user_data(recipe.commands, recipe.files).partition("\n")[2])
    scripts = [each["content"] for each in document["write_files"] if each["content"].startswith("#!/bin/sh")]
    assert len(scripts) == 2
    for script in scripts:
        subprocess.run(["sh", "-n", "-c", script], check=True, timeout=60)


OWN = (
    "etc/ssh/ssh_host_ed25519_key", "etc/ssh/ssh_host_ed25519_key.pub", "etc/netplan/50-cloud-init.yaml",
    "var/lib/cloud/instances/a/user-data.txt", "var/lib/dbus/machine-id", "var/lib/systemd/random-seed",
    "var/log/journal/a/system.journal", "var/log/syslog.1", "var/lib/dhcpcd/eth0.lease", "root/.bash_history", "tmp/x",
    "var/lib/upcloud-sdk-image/done", "etc/systemd/system/upcloud-sdk-image.service",
    "etc/systemd/system/sysinit.target.wants/upcloud-sdk-image.service",
)  # fmt: skip
KEPT = ("etc/motd", "etc/ssh/sshd_config", "root/.ssh/authorized_keys", "opt/tools/bin/tool", "var/lib/dpkg/status")
EMPTIED = ("etc/machine-id", "var/log/cloud-init-output.log", "var/log/apt/history.log")


def test_the_cleanup_removes_everything_of_the_guest_but_nothing_that_was_installed(tmp_path: Path) -> None:
    """Uses a folder instead of a disk. `make test-vm` checks a real disk."""
    for name in (*OWN, *KEPT, *EMPTIED):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("of this machine")
    fakes = tmp_path / "opt" / "fakes"
    fakes.mkdir(parents=True)
    for program in ("cloud-init", "systemctl", "sync", "umount"):
        (fakes / program).write_text(f'#!/bin/sh\necho {program} "$@" >> {tmp_path}/opt/told\n')
        (fakes / program).chmod(0o700)
    recipe = _recipe()
    document = json.loads(user_data(recipe.commands, recipe.files).partition("\n")[2])
    clean = next(each["content"] for each in document["write_files"] if each["path"].endswith("/clean"))
    clean = re.sub(r"(?<![\w./])/(var|etc|root|run|tmp)/", rf"{tmp_path}/\1/", clean)
    clean = re.sub("(?m)^export PATH=.*$", f"export PATH={fakes}:/usr/bin:/bin", clean)
    subprocess.run(["sh", "-c", clean], check=True, timeout=60)
    left = {str(each.relative_to(tmp_path)): each.stat().st_size for each in tmp_path.rglob("*") if each.is_file()}
    assert {name for name in left if not name.startswith("opt/fakes")} == {*KEPT, *EMPTIED, "opt/told"}
    assert {name for name, size in left.items() if size == 0} == set(EMPTIED)
    told = (tmp_path / "opt" / "told").read_text().splitlines()
    assert told == ["cloud-init clean --logs", "sync", "systemctl poweroff --force"]
