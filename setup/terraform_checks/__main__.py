"""`python -m setup.terraform_checks`: what `make terraform_test` runs. Needs no AWS account.

TF_PLUGIN_DIR names a folder with the AWS provider; without it /opt/tf-plugins is taken, or the
registry.
"""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from setup.native.environment import ROOT
from setup.terraform_checks import static
from setup.terraform_checks.example import try_example
from setup.terraform_checks.program import CheckFailed, Terraform, problem
from setup.terraform_checks.stand_in import StandInError, aws_stand_in

EXAMPLES = ("smallest", "team")
COPIED = ("terraform", "setup/deploy")  # the modules read the scripts of the first boot


def main() -> int:
    """Run every check; 1 with the first failure, 2 when they cannot run."""
    if reason := problem():
        print(f"make terraform_test cannot run: {reason}", file=sys.stderr)
        return 2
    started = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - started:6.1f} s  {line}", flush=True)

    try:
        with tempfile.TemporaryDirectory(prefix="terraform-test-") as folder:
            print(f"Terraform: {check(Path(folder), say)}")
    except (CheckFailed, StandInError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


def check(folder: Path, say: Callable[[str], None]) -> str:
    """Every check on a copy in `folder`; the summary. Raises CheckFailed, StandInError."""
    for name in COPIED:  # Terraform writes beside its files
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns(".terraform*"))
    top = folder / "terraform"
    static.check_format(Terraform(top, {}))
    say("format: nothing to change")
    (folder / "planted").mkdir()
    security = static.check_security(top, folder / "planted")
    say(f"checkov: {security}")
    counts = []
    with aws_stand_in(folder) as environ:
        tests = static.run_tests(Terraform(top, environ))
        say(f"valid; terraform test: {tests}")
    for name in EXAMPLES:
        with aws_stand_in(folder) as environ:
            count = try_example(top / "examples" / name, environ, say)
            counts.append(f"{name} {count} resources applied, none left")
    return "; ".join([tests, *counts, f"checkov {security}"])


if __name__ == "__main__":
    sys.exit(main())
