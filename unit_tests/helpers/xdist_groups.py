"""Which tests pytest-xdist runs in one process (`--dist loadgroup`), and in which order."""

from collections.abc import Sequence

import pytest


def group_tests(items: list[pytest.Item], fixture: str, longest_first: Sequence[str] = ()) -> None:
    """Make one group of all files that use `fixture`, so that one process sets it up once.

    Each other file is a group of its own. The group of `fixture` starts first, then the files
    `longest_first` ("folder/file"), then the others: long groups that start late would run alone.
    """
    files = {item.path for item in items if fixture in getattr(item, "fixturenames", ())}
    first = (fixture, *longest_first)
    groups = {}
    for item in items:
        file = "/".join(item.path.parts[-2:])
        groups[item] = fixture if item.path in files else file
        item.add_marker(pytest.mark.xdist_group(groups[item]))
    items.sort(key=lambda item: first.index(groups[item]) if groups[item] in first else len(first))
