"""Licences of the locked distributions: those that are allowed, and those that somebody decided."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

DECISIONS = Path(__file__).with_name("licences.toml")
CLASSIFIER = "License :: "
UNKNOWN = "unknown"


class Licence(NamedTuple):
    """categories: of the lock. names: SPDX expressions, or classifiers of PyPI."""

    name: str
    version: str
    categories: tuple[str, ...]
    names: tuple[str, ...]


def licences(boms: Mapping[str, dict]) -> list[Licence]:
    """One of each distribution and version in the bills, sorted by name."""
    found: dict[tuple[str, str], tuple[list[str], tuple[str, ...]]] = {}
    for title, content in boms.items():
        for component in content["components"]:
            key = component["name"], component["version"]
            found.setdefault(key, ([], _names(component)))[0].append(title.removeprefix("lock-"))
    return [Licence(*key, tuple(c), names) for key, (c, names) in sorted(found.items())]


def check(found: Sequence[Licence], decisions: Mapping) -> list[str]:
    """Sentences about distributions whose licence nobody has decided, and about old decisions."""
    allowed, decided = set(decisions["allowed"]), decisions["decided"]
    lines = [
        f"{one.name} {one.version} ({', '.join(one.categories)}): {_text(one)}"
        for one in found
        if one.name not in decided and not _allowed(one, allowed)
    ]
    locked = {one.name for one in found}
    return lines + [f"{name} is decided, but not locked" for name in decided if name not in locked]


def read_decisions() -> dict:
    """allowed: SPDX identifiers and classifiers. decided: a reason for each distribution."""
    return tomllib.loads(DECISIONS.read_text(encoding="utf-8"))


def identifiers(name: str) -> set[str]:
    """The licences that an SPDX expression combines; a classifier is one.

    >>> sorted(identifiers("(MIT OR Apache-2.0) AND BSD-3-Clause"))
    ['Apache-2.0', 'BSD-3-Clause', 'MIT']
    """
    if name.startswith(CLASSIFIER):
        return {name}
    words = name.replace("(", " ").replace(")", " ").split()
    return {word for word in words if word not in ("AND", "OR", "WITH")}


def table(found: Iterable[Licence]) -> str:
    """The list as text with tabs between its columns."""
    rows = [("distribution", "version", "licence", "categories of the lock")]
    rows += [(one.name, one.version, _text(one), " ".join(one.categories)) for one in found]
    return "".join("\t".join(row) + "\n" for row in rows)


def _allowed(licence: Licence, allowed: set[str]) -> bool:
    names = licence.names
    return bool(names) and all(allowed.issuperset(identifiers(name)) for name in names)


def _text(licence: Licence) -> str:
    return "; ".join(licence.names) or UNKNOWN


def _names(component: Mapping) -> tuple[str, ...]:
    entries = component.get("licenses", [])
    names = [
        entry.get("expression") or entry["license"].get("id") or entry["license"].get("name")
        for entry in entries
    ]
    return tuple(" ".join(name.split())[:120] for name in names)
