"""What is checked without applying anything: format, validity, `terraform test`, checkov."""

import json
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from setup.native.install import tool
from setup.terraform_checks.program import CheckFailed, Terraform, plugin_options

CHECKOV = "checkov==3.3.30"
NO_REASON = ("", "No comment provided")
# What checkov must find; a scanner that finds nothing here says nothing about terraform/ either.
PLANTED = """
resource "aws_security_group_rule" "planted" {
  type              = "ingress"
  from_port         = 22
  to_port           = 22
  protocol          = "tcp"
  cidr_blocks       = ["0.0.0.0/0"]
  security_group_id = "sg-1"
}
"""
UNREADABLE = 'resource "aws_s3_bucket" "planted" {'


class Scan(NamedTuple):
    """What checkov answered."""

    resources: int
    passed: int
    failed: list[str]
    skipped: int
    without_reason: list[str]
    parsing_errors: int


def check_format(terraform: Terraform) -> None:
    """Raises CheckFailed with the names of the files that `terraform fmt` would change."""
    terraform.run("fmt", "-check", "-recursive", "-diff")


def run_tests(terraform: Terraform) -> str:
    """Validate and run the tests of the module; how many passed."""
    terraform.run("init", "-backend=false", *plugin_options())
    terraform.run("validate")
    answer = terraform.run("test", "-no-color")
    match = re.search(r"Success! (\d+) passed, 0 failed", answer)
    if not match or int(match[1]) == 0:
        raise CheckFailed(f"terraform test ran nothing:\n{answer}")
    return f"{match[1]} tests"


def scan(folder: Path) -> Scan:
    """What checkov finds in a folder. It has an environment of its own, made by uv."""
    command = [str(tool("uv")), "tool", "run", "--quiet", "--from", CHECKOV, "checkov"]
    options = ["--directory", str(folder), "--framework", "terraform", "--skip-download"]
    answer = subprocess.run(
        [*command, *options, "--output", "json"], capture_output=True, text=True, check=False
    )
    try:
        report = json.loads(answer.stdout)
    except json.JSONDecodeError as error:
        raise CheckFailed(f"checkov does not run: {answer.stdout}\n{answer.stderr}") from error
    return _scan(report)


def check_security(folder: Path, empty: Path) -> str:
    """Raises CheckFailed for each unexplained finding. empty: a folder for planted defects."""
    _check_that_checkov_finds(empty)
    found = scan(folder)
    if found.parsing_errors or not found.resources:
        raise CheckFailed(
            f"checkov read {found.resources} resources with {found.parsing_errors} errors"
        )
    if found.failed or found.without_reason:
        lines = [
            *found.failed,
            *(f"{line}: skipped without a reason" for line in found.without_reason),
        ]
        raise CheckFailed("\n".join(["checkov:", *lines]))
    return (
        f"{found.resources} resources, {found.passed} checks passed, 0 failed, "
        f"{found.skipped} skipped with a reason"
    )


def _check_that_checkov_finds(empty: Path) -> None:
    planted = empty / "planted.tf"
    planted.write_text(PLANTED, encoding="utf-8")
    if not scan(empty).failed:
        raise CheckFailed("checkov does not find a planted rule that opens port 22 to everybody")
    planted.write_text(UNREADABLE, encoding="utf-8")
    if not scan(empty).parsing_errors:
        raise CheckFailed("checkov does not report a planted file that it cannot read")
    planted.unlink()


def _scan(report: dict) -> Scan:
    summary, results = report.get("summary", report), report.get("results", {})
    skipped = results.get("skipped_checks", [])
    return Scan(
        resources=summary["resource_count"],
        passed=summary["passed"],
        failed=sorted({_finding(check) for check in results.get("failed_checks", [])}),
        skipped=len(skipped),
        without_reason=sorted(
            {
                _finding(check)
                for check in skipped
                if check["check_result"].get("suppress_comment") in (None, *NO_REASON)
            }
        ),
        parsing_errors=summary["parsing_errors"],
    )


def _finding(check: dict) -> str:
    place = f"{check['file_path']}:{check['file_line_range'][0]}"
    return f"{place} {check['check_id']} {check['check_name']} ({check['resource']})"
