"""supervisord.conf, the Makefile and the documentation agree with the code that uses them."""

import configparser
import re

import pytest

from setup.native import stack
from setup.native.environment import ROOT
from setup.runtime import training_run
from vehicle_price.settings import documented

MANUAL = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "setup").glob("*.md"))


@pytest.fixture(name="programs", scope="module")
def fixture_programs() -> dict[str, dict]:
    """The options of each program in supervisord.conf."""
    parser = configparser.RawConfigParser(inline_comment_prefixes=(" ;",))
    parser.read(ROOT / "supervisord.conf", encoding="utf-8")
    names = [name for name in parser.sections() if name.startswith("program:")]
    return {name.removeprefix("program:"): dict(parser[name]) for name in names}


def test_the_start_order_knows_every_program(programs):
    assert sorted(programs) == sorted([*stack.EVERYTHING, *stack.LAST])


def test_no_program_outlives_supervisord_and_every_log_rotates(programs):
    for name, options in programs.items():
        assert options["killasgroup"] == "true", name
        # Gunicorn ends its workers itself, once their requests are answered.
        assert options["stopasgroup"] == str(name != "service").lower(), name
        assert options["stdout_logfile_maxbytes"] == "5MB", name
        assert options["redirect_stderr"] == "true", name


def test_supervisord_waits_longer_for_the_service_than_gunicorn_for_its_requests(programs):
    gunicorn = (ROOT / "service" / "gunicorn.conf.py").read_text("utf-8")
    graceful = int(re.search(r"^graceful_timeout = (\d+)$", gunicorn, re.M).group(1))
    longest = max(int(options.get("stopwaitsecs", 10)) for options in programs.values())
    assert graceful < int(programs["service"]["stopwaitsecs"]) <= longest < stack.STOP_SECONDS


def test_what_processes_write_is_their_users_only():
    parser = configparser.RawConfigParser()
    parser.read(ROOT / "supervisord.conf", encoding="utf-8")
    assert parser["supervisord"]["umask"] == "077"


def test_supervisord_uses_only_variables_that_are_settings():
    used = set(re.findall(r"%\(ENV_(\w+)\)s", (ROOT / "supervisord.conf").read_text("utf-8")))
    assert used <= {name for name, _, _ in documented()}


def test_every_make_target_has_help_and_is_in_the_manual():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.findall(r"^\.PHONY: ((?:[^\\\n]|\\\n)*)$", makefile, re.M)[0]
    targets = set(phony.replace("\\\n", " ").split())
    assert targets == set(re.findall(r"^([a-z_]+):.*## ", makefile, re.M))
    assert not [name for name in targets if f"make {name}" not in MANUAL]


def test_every_dag_is_in_the_manual():
    files = (ROOT / "airflow" / "dags").glob("*.py")
    dags = [path.stem for path in files if "\n@dag(\n" in path.read_text("utf-8")]
    assert training_run.DAG_ID in dags
    assert not [name for name in dags if f"`{name}`" not in MANUAL]
