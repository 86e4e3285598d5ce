"""Likely mistakes with a first image by recipe."""

from __future__ import annotations

from tests.docs.mistake import TOKEN, Mistake

RECIPE = 'recipe = Recipe(base="debian-13", commands=["apt-get update"])\n'
BAKE = RECIPE + '[image] = await cloud.images.bake(recipe, zones=["fi-hel1"])\n'

IMAGE_MISTAKES = (
    Mistake(
        "A recipe: one command instead of a list",
        'Recipe(base="debian-13", commands="apt-get update")',
        '`commands=["apt-get update"]`',
    ),
    Mistake(
        "A recipe: a misspelt base",
        'await cloud.images.bake(Recipe(base="debain-13"), zones=["fi-hel1"])',
        '`base="debian-13"`. `upcloud-sdk templates` lists all.',
        TOKEN,
    ),
    Mistake("A recipe: a size with its unit", 'Recipe(base="debian-13", size="25GB")', "`size=25`, or leave it out."),
    Mistake(
        "A recipe: a file instead of its text",
        'from pathlib import Path\n\nRecipe(base="debian-13", files={"/etc/motd": Path("motd")})',
        '`files={"/etc/motd": Path("motd").read_text()}`',
    ),
    Mistake(
        "A recipe: a relative path",
        'Recipe(base="debian-13", files={"motd": "a build server"})',
        '`files={"/etc/motd": ...}`',
    ),
    Mistake(
        "A recipe: a password in a command",
        'Recipe(base="debian-13", commands=["curl -d password=hunter22 https://example.com/tools"])',
        "Give it to the build. What is in an image can be read by everybody who uses it.",
    ),
    Mistake(
        "A bake: one zone instead of a list",
        RECIPE + 'await cloud.images.bake(recipe, zones="fi-hel1")',
        '`zones=["fi-hel1"]`',
        TOKEN,
    ),
    Mistake(
        "A bake: a template instead of a recipe",
        'await cloud.images.bake("debian-13", zones=["fi-hel1"])',
        'A recipe says what to add to the template: `Recipe(base="debian-13", commands=[...])`.',
        TOKEN,
    ),
    Mistake(
        "A bake: a zone that does not exist",
        RECIPE + 'await cloud.images.bake(recipe, zones=["fi-hel9"])',
        "`upcloud-sdk plans` and `cloud.zones.list()` know the zones.",
        TOKEN,
    ),
    Mistake(
        "A bake: its result is a list with one image per zone",
        RECIPE
        + 'images = await cloud.images.bake(recipe, zones=["fi-hel1"])\n'
        + 'await cloud.servers.spec(images, zone="fi-hel1", plan="PREMIUM-1xCPU-1GB", hostname="web")',
        "`[image] = await cloud.images.bake(...)`",
        TOKEN,
    ),
    Mistake(
        "An image of another zone",
        BAKE
        + 'spec = await cloud.servers.spec(\n    image, zone="de-fra1", plan="PREMIUM-1xCPU-1GB", hostname="web",\n'
        + '    ssh_keys=["ssh-ed25519 AAAA me@example.com"],\n)\nawait cloud.servers.create(spec)',
        '`zone=image.zone`. `bake(recipe, zones=["fi-hel1", "de-fra1"])` makes an image in each.',
        TOKEN,
    ),
    Mistake(
        "A prune: days instead of seconds",
        "from datetime import timedelta\n\nawait cloud.images.prune(unused_for=timedelta(days=7))",
        "`unused_for=7 * 86_400`",
        TOKEN,
    ),
    Mistake(
        "A prune: the uuid of an image",
        'await cloud.images.prune("01000000-0000-4000-8000-000020080100")',
        "`prune` chooses by recipe and age. `cloud.storages.delete(uuid)` deletes one image.",
        TOKEN,
    ),
)
