"""Receivers are named without the secrets in their addresses."""

import logging
from pathlib import Path

import pytest

from evidently_service.messages.receivers import parse_addresses, read_addresses, send
from evidently_service.messages.text import Message

FILE = Path("alert_urls")
SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
MESSAGE = Message("title", "body", "page")


def names(text):
    """The names of the receivers in a file."""
    return [one.name for one in parse_addresses(text, FILE).found]


def test_lines_are_addresses_but_for_comments_and_blank_ones():
    text = "# on call\n\n json://127.0.0.1:8099/path \n"
    assert names(text) == ["JSON at 127.0.0.1:8099"]


def test_a_service_whose_address_is_a_secret_is_named_by_its_line():
    assert names(f"json://host\n{SLACK}\nmailto://user:passwort@example.org") == [
        "JSON at host",
        "Slack (line 2)",
        "E-Mail at example.org:25",
    ]


@pytest.mark.parametrize("line", ["slackk://secret-token/a", "secret-token", "mailto://u:secret"])
def test_a_line_that_is_no_address_is_a_problem_that_does_not_repeat_it(line, caplog):
    caplog.set_level(logging.DEBUG)
    receivers = parse_addresses(f"json://host\n{line}", FILE)
    (problem,) = receivers.problems
    assert "line 2 of alert_urls" in problem and len(receivers.found) == 1
    assert "secret" not in problem + caplog.text


def test_a_file_that_is_missing_has_no_receivers(tmp_path):
    assert read_addresses(tmp_path / "missing") == ""


def test_an_edited_address_is_another_receiver():
    keys = [parse_addresses(f"json://host/{n}", FILE).found[0].key for n in (1, 1, 2)]
    assert keys[0] == keys[1] != keys[2]


def test_the_reason_of_a_failure_has_no_secret_in_it(monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    (receiver,) = parse_addresses("json://user:passwort@host/secret-path", FILE).found

    def failing(*_, **__):
        logging.getLogger("apprise").debug("POST http://host/secret-path")
        logging.getLogger("apprise").warning("cannot reach http://passwort@host/secret-path")
        return False

    monkeypatch.setattr(receiver.plugin, "send", failing)
    assert send(receiver, MESSAGE) == "cannot reach http://…@host/…"
    assert "secret" not in caplog.text


def test_a_message_that_is_taken_has_no_reason(monkeypatch):
    (receiver,) = parse_addresses("json://host", FILE).found
    sent = []
    monkeypatch.setattr(receiver.plugin, "send", lambda **values: sent.append(values) is None)
    assert send(receiver, MESSAGE) == ""
    assert (sent[0]["title"], sent[0]["body"]) == ("title", "body")
    assert sent[0]["notify_type"] == "failure"
