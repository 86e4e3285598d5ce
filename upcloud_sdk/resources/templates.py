"""Finds a template by uuid, title, short name, expression or function."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches

from upcloud_sdk._wire import HasUuid
from upcloud_sdk.errors import Ambiguous, NoMatch
from upcloud_sdk.models.storages import StorageSummary, age

Which = str | HasUuid | re.Pattern[str] | Callable[[StorageSummary], bool]
"""A template: its uuid, exact title or short name (`debian-13`, `ubuntu-24.04`), an object with its uuid, such as an
`Image`, a regular expression for the title, or a function that returns True for it."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def choose(which: Which, templates: tuple[StorageSummary, ...]) -> StorageSummary:
    """Choose a template. If several match, the newest.

    Raises:
        NoMatch: No template matches. `candidates` has the most similar titles.
        Ambiguous: Several have exactly this title.
        TypeError: It is none of these.
    """
    name = getattr(which, "uuid", which)
    if isinstance(name, str):
        return _exact(name, templates)
    if isinstance(which, re.Pattern):
        found = [template for template in templates if which.search(template.title or "")]
    elif callable(which):
        found = [template for template in templates if which(template)]
    else:
        hint = "take one of them, such as template[0]" if isinstance(which, tuple | list) else "write 'debian-13'"
        raise TypeError(f"template is a {type(which).__name__}, but one template is meant: {hint}")
    if not found:
        wanted = f"matches {which.pattern!r}" if isinstance(which, re.Pattern) else "is accepted by the function given"
        raise NoMatch(f"no template's title {wanted}", candidates=_titles(templates))
    return max(found, key=_newest)


def _titles(templates: tuple[StorageSummary, ...]) -> list[str]:
    return [template.title for template in templates if template.title]


def _newest(storage: StorageSummary) -> tuple[float, tuple[int, ...], str]:
    created, uuid = age(storage)
    # Public templates have no date. "Debian 13" is newer than "Debian 12".
    numbers = tuple(int(number) for number in re.findall(r"\d+", storage.title or ""))
    return (created.timestamp() if created else 0.0), numbers, uuid


def _exact(which: str, templates: tuple[StorageSummary, ...]) -> StorageSummary:
    found = [template for template in templates if which in {template.uuid, template.title}]
    found = found or [template for template in templates if template.access == "public" and which == slug(template)]
    if len(found) > 1:
        titled = sorted(set(_titles(tuple(found))))
        what = f"have the title {which!r}" if titled == [which] else f"are {which!r}: {', '.join(titled)}"
        raise Ambiguous(
            f"{len(found)} templates {what}: give the uuid of one", candidates=[template.uuid for template in found]
        )
    if found:
        return found[0]
    titles = _titles(templates)
    close = _close(which, templates)
    hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ": storages.list('template') lists all"
    kind = "uuid" if _UUID.fullmatch(which.lower()) else "title"
    raise NoMatch(
        f"no template has the {kind} {which!r}{hint}",
        candidates=[*close, *(t for t in titles if t not in close)],
    )


_FAMILY_AND_VERSION = re.compile(
    r"([a-z]+)(?: gnu/linux| linux| server| stream)* (\d+(?:\.\d+)?)(?: lts)?(?: (standard|datacenter))?(?: \(.*\))?"
)


def slug(template: StorageSummary) -> str | None:
    """Short name of a public template, such as `debian-13`. None if the title has more than family and version."""
    found = _FAMILY_AND_VERSION.fullmatch((template.title or "").lower())
    return "-".join(part for part in found.groups() if part) if found else None


def _close(which: str, templates: tuple[StorageSummary, ...]) -> list[str]:
    """The most similar titles: first of the same system, the newest first, then those with the same words."""
    titles = _titles(templates)
    words = re.findall(r"[a-z]+|[\d.]+", which.lower())
    newest = sorted(templates, key=_newest, reverse=True)
    family = [each.title or "" for each in newest if words and (slug(each) or "").startswith(f"{words[0]}-")]
    having = [title for title in titles if words and all(word in title.lower() for word in words)]
    lower = {title.lower(): title for title in titles}
    looking = [lower[title] for title in get_close_matches(which.lower(), lower, n=3, cutoff=0.5)]
    slugs = {name: each.title or "" for each in newest if (name := slug(each)) is not None}
    looking += [slugs[name] for name in get_close_matches(which.lower(), slugs, n=1, cutoff=0.8)]
    exact = [title for title in family if title in having]
    return list(dict.fromkeys([*exact, *looking[:1], *family, *looking, *having]))[:4]
