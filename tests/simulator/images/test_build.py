"""Building images of guests, and the errors if that fails."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from upcloud_sdk.simulator.images import build as vm_image_build
from upcloud_sdk.simulator.images.apt_sources import sources_for
from upcloud_sdk.simulator.images.available import available, images_folder
from upcloud_sdk.simulator.images.build import Recipe

DEB822 = """\
Types: deb deb-src
URIs: http://archive.example.com/debian
Suites: trixie trixie-updates
 trixie-backports
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.pgp

# another paragraph
Types: deb
URIs: http://security.example.com/debian-security
Suites: trixie-security
Components: main

Types: deb
URIs: file:/srv/local
Suites: ./
Trusted: yes

Enabled: no
Types: deb
URIs: http://off.example.com/debian
Suites: trixie
Components: main
"""


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    (tmp_path / "apt" / "sources.list.d").mkdir(parents=True)
    (tmp_path / "os-release").write_text('ID=debian\nVERSION_CODENAME="trixie"\n')
    return tmp_path


def test_the_apt_sources_of_this_machine_are_changed_for_another_release(etc: Path) -> None:
    (etc / "apt" / "sources.list.d" / "debian.sources").write_text(DEB822)
    signed = "[signed-by=/usr/share/keyrings/debian-archive-keyring.pgp]"
    assert sources_for("bookworm", etc=etc).splitlines() == [
        f"deb {signed} http://archive.example.com/debian bookworm main",
        f"deb {signed} http://archive.example.com/debian bookworm-updates main",
        "deb http://security.example.com/debian-security bookworm-security main",
    ]


def test_apt_sources_in_the_one_line_format_are_read_too(etc: Path) -> None:
    (etc / "apt" / "sources.list").write_text(
        "deb [arch=amd64] https://archive.example.com/debian trixie main non-free # a comment\n"
        "deb-src https://archive.example.com/debian trixie main\n"
        "# deb https://off.example.com/debian trixie main\n"
    )
    assert sources_for("trixie", etc=etc) == "deb [arch=amd64] https://archive.example.com/debian trixie main\n"


def test_on_another_distribution_the_error_says_what_to_give(etc: Path) -> None:
    (etc / "os-release").write_text("ID=ubuntu\nVERSION_CODENAME=noble\n")
    with pytest.raises(RuntimeError, match="--sources"):
        sources_for("trixie", etc=etc)


def test_on_a_machine_without_apt_sources_the_error_says_what_to_give(etc: Path) -> None:
    with pytest.raises(RuntimeError, match=r"no archive of trixie: .*--sources"):
        sources_for("bookworm", etc=etc)


def test_images_are_stored_in_the_users_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere/cache")
    assert images_folder() == Path("/somewhere/cache/upcloud-sdk/images")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/somewhere")
    assert images_folder() == Path("/somewhere/.cache/upcloud-sdk/images")


def test_an_incomplete_image_is_not_listed(tmp_path: Path) -> None:
    for name in ("debian-12", "debian-13", ".debian-13.x"):
        (tmp_path / name).mkdir()
    for name in ("debian-12", ".debian-13.x"):
        (tmp_path / name / "image.json").write_text("{}")
    assert list(available(tmp_path)) == ["debian-12"]


def test_the_digest_of_a_recipe_depends_on_the_contents_of_the_image() -> None:
    recipes = [
        Recipe("debian-13"),
        Recipe("debian-12"),
        Recipe("debian-13+git"),
        Recipe("debian-13", offer_debs=["git"]),
        Recipe("debian-13", offer_wheels=["git"]),
    ]
    assert len({recipe.digest() for recipe in recipes}) == len(recipes)
    assert Recipe("debian-13+git").packages[-1] == "git"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(vm_image_build, "_SYSTEM_PROGRAMS", str(folder))
    return folder


def program(folder: Path, name: str, text: str = "") -> None:
    (folder / name).write_text(f"#!{sys.executable} -IS\n{text}\n")
    (folder / name).chmod(0o755)


MMDEBSTRAP = """
import os, sys
if sys.argv[1] == "--unshare-helper":
    sys.argv[1:2] = []
    os.execvp(sys.argv[1], sys.argv[1:])
open(sys.argv[-2], "w").write(sys.stdin.read() + " ".join(sys.argv[1:]))
"""
FINISH = """
import os, sys
os.chdir(sys.argv[2])
for name in ("vmlinuz", "initrd.img"):
    open(name, "w").close()
os.rename("root.tar", "root.img")
"""


def fake_programs(folder: Path) -> None:
    program(folder, "mmdebstrap", MMDEBSTRAP)
    program(folder, "sh", FINISH)
    for name in ("mke2fs", "dpkg-deb", "newuidmap"):
        program(folder, name)


def build(folder: Path, *arguments: str) -> int:
    sources = folder / "sources.list"
    sources.write_text("deb http://archive.example.com/debian trixie main\n")
    return vm_image_build.main(["--folder", str(folder / "images"), "--sources", str(sources), *arguments])


def test_an_image_is_built_once(programs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fake_programs(programs)
    assert build(tmp_path, "debian-13+git") == 0
    image = available(tmp_path / "images")["debian-13+git"]
    assert image.kernel.exists()
    assert image.initrd.exists()
    made = image.root.read_text()
    assert made.startswith("deb http://archive.example.com/debian trixie main\n")
    assert ",git " in made
    assert "built in" in capsys.readouterr().out
    image.root.write_text("the first")
    assert build(tmp_path, "debian-13+git") == 0
    assert image.root.read_text() == "the first"
    assert "exists" in capsys.readouterr().out
    assert build(tmp_path, "debian-13+git", "--again") == 0
    assert image.root.read_text() != "the first"


def test_an_image_of_an_older_recipe_is_built_again(programs: Path, tmp_path: Path) -> None:
    fake_programs(programs)
    assert build(tmp_path, "debian-13") == 0
    image = available(tmp_path / "images")["debian-13"]
    image.root.write_text("the first")
    assert build(tmp_path, "debian-13", "--offer-deb", "git") == 0
    assert image.root.read_text() != "the first"


def test_tools_that_are_missing_are_named(programs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program(programs, "dpkg-deb")
    assert build(tmp_path) == 1
    assert "apt-get install e2fsprogs mmdebstrap" in capsys.readouterr().err


def test_the_error_of_a_failed_step_has_its_output_and_nothing_is_left(
    programs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_programs(programs)
    program(programs, "mmdebstrap", "import sys\nsys.exit('E: no such suite')")
    assert build(tmp_path, "debian-13") == 1
    error = capsys.readouterr().err
    assert "mmdebstrap failed with status 1" in error
    assert "E: no such suite" in error
    assert [path.name for path in (tmp_path / "images").iterdir()] == [".lock"]


@pytest.mark.parametrize("images", [["debian-10"], ["debian-13", "debian-10"]])
def test_a_release_without_a_recipe_is_refused_first(
    programs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], images: list[str]
) -> None:
    assert list(programs.iterdir()) == []
    assert build(tmp_path, *images) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "upcloud_sdk.simulator.images: there is no recipe for debian-10, only for debian-12, debian-13\n"
    assert not (tmp_path / "images").exists()
