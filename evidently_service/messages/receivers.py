"""The receivers of messages: addresses of Apprise, which may hold secrets and are never logged."""

import hashlib
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from evidently_service.messages.text import Message

TYPES = {"page": "failure", "warn": "warning", "resolved": "success"}  # severity → Apprise's type
LOGGER = "apprise"
SHORTEST_SECRET = 4  # characters; shorter parts of an address are words like "to"


class Receiver(NamedTuple):
    """key: what the log of messages knows it by. name: service and host, for people. parts: of the
    address, to be left out of its errors. plugin: Apprise's."""

    key: str
    name: str
    parts: tuple[str, ...]
    plugin: Any


class Receivers(NamedTuple):
    """found: the receivers. problems: a sentence for each line that is no address."""

    found: tuple[Receiver, ...]
    problems: tuple[str, ...]


def read_addresses(path: Path) -> str:
    """The text of the file of addresses; "" without a file. Raises OSError if it is unreadable."""
    return path.read_text(encoding="utf-8") if path.exists() else ""


def parse_addresses(text: str, file: Path) -> Receivers:
    """The receivers on the lines of a file; blank lines and those with # are left out."""
    found, problems = [], []
    for number, line in enumerate(text.splitlines(), 1):
        address = line.strip()
        if not address or address.startswith("#"):
            continue
        if (receiver := _receiver(address, number)) is not None:
            found.append(receiver)
        else:
            problems.append(
                f"line {number} of {file} is no address that Apprise knows, such as "
                "mailto://user:password@host or json://host:port/path"
            )
    return Receivers(tuple(found), tuple(problems))


def send(receiver: Receiver, message: Message) -> str:
    """Send a message; "" if the receiver took it, else the reason, without the secret address."""
    import apprise

    with _captured() as reasons:
        accepted = _service(receiver.plugin).notify(
            body=message.body,
            title=message.title,
            notify_type=TYPES[message.severity],
            body_format=apprise.NotifyFormat.TEXT,
        )
    return "" if accepted else _without(receiver.parts, "; ".join(reasons) or "no reason given")


def _service(plugin: Any) -> Any:
    import apprise

    service = apprise.Apprise()
    service.add(plugin)
    return service


def _receiver(address: str, number: int) -> Receiver | None:
    import apprise  # 40 MB; only where there are receivers

    with _captured():
        plugin = apprise.Apprise.instantiate(address)
    if plugin is None:
        return None
    key = hashlib.sha256(address.encode()).hexdigest()[:12]
    return Receiver(key, _name(plugin, number), _secret_parts(address, plugin), plugin)


def _name(plugin: Any, number: int) -> str:
    """Many services have a secret in the place of the host; those are named by their line."""
    if not _has_host(plugin):
        return f"{plugin.service_name} (line {number})"
    port = f":{plugin.port}" if plugin.port else ""
    return f"{plugin.service_name} at {plugin.host}{port}"


def _has_host(plugin: Any) -> bool:
    return all("{host}" in template for template in plugin.templates)


def _secret_parts(address: str, plugin: Any) -> tuple[str, ...]:
    """All parts of the address but scheme, host and port; longest first."""
    rest = address.partition("://")[2]
    public = {plugin.host, str(plugin.port)} if _has_host(plugin) else set()
    parts = set(re.split(r"[/:@?&=]", rest)) - public
    return tuple(sorted((p for p in parts if len(p) >= SHORTEST_SECRET), key=len, reverse=True))


def _without(parts: tuple[str, ...], text: str) -> str:
    for part in parts:
        text = text.replace(part, "…")
    return text


@contextmanager
def _captured() -> Iterator[list[str]]:
    """Warnings and errors of Apprise, instead of in the log.

    Its lines for debugging, and those of urllib3, have the whole address in them.
    """
    texts: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: texts.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger(LOGGER)
    before = logger.level, logger.propagate
    logging.getLogger("urllib3").setLevel(logging.INFO)
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield texts
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]
