"""`python validate.py FILE…`: whether bills of materials follow CycloneDX 1.6.

Runs with the checking programs' Python, which has CycloneDX's library.
"""

import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def main(paths: list[str]) -> int:
    """Print what is wrong with each file; 1 if something is."""
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    errors = {
        path: validator.validate_str(Path(path).read_text(encoding="utf-8")) for path in paths
    }
    wrong = {path: error for path, error in errors.items() if error}
    sys.stdout.writelines(f"{path}: {error}\n" for path, error in wrong.items())
    return int(bool(wrong) or not paths)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
