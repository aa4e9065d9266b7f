"""Prometheus's rules fire on the series of rules_test.yml, and what promtool checks can fail."""

import subprocess
from pathlib import Path

import pytest
import yaml

from setup.dashboards.files import FOLDER, read
from unit_tests.helpers.promtool import need

PROMETHEUS = FOLDER / "prometheus"


@pytest.fixture(name="copy")
def _copy(tmp_path):
    """A copy of the rules and their tests, to plant defects in."""
    for name in ("rules.yml", "rules_test.yml", "prometheus.yml"):
        (tmp_path / name).write_text((PROMETHEUS / name).read_text("utf-8"), encoding="utf-8")
    return tmp_path


def promtool(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run promtool in a folder."""
    command = [need("promtool"), *arguments]
    return subprocess.run(command, cwd=folder, text=True, capture_output=True, check=False)


def change(path: Path, old: str, new: str) -> None:
    """Replace text that occurs in a file."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "rules", "--lint-fatal", "rules.yml"),
        ("check", "config", "prometheus.yml"),
        ("test", "rules", "rules_test.yml"),
    ],
)
def test_promtool_accepts_the_files(arguments):
    result = promtool(PROMETHEUS, *arguments)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_rule_has_series_that_fire_it_and_a_time_at_which_it_does_not():
    groups = yaml.safe_load((PROMETHEUS / "rules_test.yml").read_text("utf-8"))["tests"]
    tests = [one for group in groups for one in group.get("alert_rule_test", [])]
    names = {rule["alert"] for rule in read().rules}
    assert {one["alertname"] for one in tests if one["exp_alerts"]} == names
    assert {one["alertname"] for one in tests if not one["exp_alerts"]} == names


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("vehicle_price_outbox_oldest_seconds > 300", "vehicle_price_outbox_oldest_seconds > 3000"),
        ("predict_linear(vehicle_price_outbox_bytes[15m], 3600)", "vehicle_price_outbox_bytes"),
        (' or absent(up{job="vehicle-price"})', ""),
        ('status=~"5.."', 'status=~"4.."'),
        ("histogram_quantile(0.99", "histogram_quantile(0.5"),
        ('alias="production"', 'alias="challenger"'),
        ("vehicle_price_model_loaded == 0", "vehicle_price_model_loaded == 1"),
        ("vehicle_price_outbox_up == 0", "vehicle_price_outbox_up == 1"),
        ("vehicle_price_outbox_dead_letters > 0", "vehicle_price_outbox_dead_letters > 1"),
        ("> 0.2\n", "> 0.5\n"),
    ],
)
def test_a_changed_rule_fails_its_series(copy, old, new):
    change(copy / "rules.yml", old, new)
    result = promtool(copy, "test", "rules", "rules_test.yml")
    assert result.returncode != 0 and "FAILED" in result.stdout + result.stderr


def test_a_rule_that_is_there_twice_fails_the_lint(copy):
    rules = yaml.safe_load((copy / "rules.yml").read_text("utf-8"))
    rules["groups"][0]["rules"].append(rules["groups"][0]["rules"][0])
    (copy / "rules.yml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    assert promtool(copy, "check", "rules", "--lint-fatal", "rules.yml").returncode != 0
