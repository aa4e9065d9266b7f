"""The secret scan finds a planted key, and knows what was accepted."""

import pytest

from integration_tests.supply_chain.project import project
from setup.supply_chain.programs import CheckFailed
from setup.supply_chain.secrets import ACCEPTED, accepted_digests, check_secrets, scan

# In two halves, so that this file holds none.
KEY = "AKIA" + "QX7T2KJ4ZP3MWLEV"
LINE = f'aws_access_key_id = "{KEY}"\n'


def accept(root, digests, reason="made up"):
    """Write the accepted findings of `settings.py`."""
    names = ", ".join(f'"{digest}"' for digest in digests)
    entry = f'[[accepted]]\nfile = "settings.py"\nreason = "{reason}"\ndigests = [{names}]\n'
    (root / ACCEPTED).write_text(entry, encoding="utf-8")


def test_a_planted_key_is_found_and_the_message_says_where(tmp_path):
    root = project(tmp_path, {"settings.py": LINE})
    with pytest.raises(CheckFailed, match="settings.py:1: AWS Access Key"):
        check_secrets(root)


def test_the_hook_finds_it_in_the_file_it_is_given(tmp_path):
    root = project(tmp_path, {"settings.py": LINE, "other.py": "a = 1\n"})
    with pytest.raises(CheckFailed, match="settings.py:1"):
        check_secrets(root, ["settings.py"])
    assert check_secrets(root, ["other.py"]) == 1


def test_an_accepted_finding_is_none_but_another_one_in_the_same_file_is(tmp_path):
    root = project(tmp_path, {"settings.py": LINE})
    accept(root, {found.digest for found in scan(root, ["settings.py"])})
    assert check_secrets(root) > 0
    (root / "settings.py").write_text(LINE + LINE.replace("QX7T", "QX8T"), encoding="utf-8")
    with pytest.raises(CheckFailed, match="settings.py:2"):
        check_secrets(root)


def test_what_was_accepted_and_is_gone_has_to_be_removed(tmp_path):
    root = project(tmp_path, {"settings.py": "a = 1\n"})
    accept(root, ["0" * 40])
    with pytest.raises(CheckFailed, match="not found in settings.py any more"):
        check_secrets(root)


def test_an_accepted_finding_needs_a_reason(tmp_path):
    accept(project(tmp_path, {}), ["0" * 40], reason=" ")
    with pytest.raises(CheckFailed, match="has no reason"):
        accepted_digests((tmp_path / ACCEPTED).read_text(encoding="utf-8"))


def test_without_a_file_it_fails(tmp_path):
    with pytest.raises(CheckFailed, match="no file to examine"):
        check_secrets(project(tmp_path, {}))
