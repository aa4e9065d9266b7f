"""`python -m setup.dashboards`: print what is wrong with dashboards and alerts, if anything is."""

import sys
from collections.abc import Iterator

from setup.dashboards import (
    alert_checks,
    limit_checks,
    panel_checks,
    reference_checks,
    schema_checks,
)
from setup.dashboards.files import Files, read

MODULES = (panel_checks, reference_checks, limit_checks, alert_checks)


def problems(files: Files) -> Iterator[str]:
    """A sentence for each defect. The other checks rely on the keys and types of the schema."""
    malformed = [sentence for check in schema_checks.CHECKS for sentence in check(files)]
    yield from malformed
    if not malformed:
        for module in MODULES:
            for check in module.CHECKS:
                yield from check(files)


def main() -> int:
    """Check the files of this repository; 1 if something is wrong."""
    found = list(problems(read()))
    sys.stdout.writelines(f"{sentence}\n" for sentence in found)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
