"""Reads GET /monitoring with the key in a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from page.client import Refused, new_session, request_json

TIMEOUT_SECONDS = (2, 10)  # connect, read


class NoKey(RuntimeError):
    """The file with the key cannot be read; the message names it and says what to do."""


class MonitoringClient:
    """key_file: is read at each request, since the service may make it later than this page."""

    def __init__(
        self, url: str, key_file: str | Path, session: requests.Session | None = None
    ) -> None:
        self.url, self._key_file = url.rstrip("/"), Path(key_file)
        self._session = new_session(session)

    def report(self, query: Mapping[str, str]) -> dict[str, Any]:
        """The report on the channel, version and windows of `query`.

        Raises NoKey, Refused, ServiceUnavailable.
        """
        try:
            return request_json(
                self._session,
                "GET",
                f"{self.url}/monitoring",
                headers={"X-API-Key": self._key()},
                params=dict(query),
                timeout=TIMEOUT_SECONDS,
            )
        except Refused as error:
            if error.status in (401, 403):
                detail = f"{error}. Service and page need the same MONITORING_KEY_FILE"
                raise Refused(f"{detail}: {self._key_file}", {}, error.status) from error
            raise

    def _key(self) -> str:
        try:
            key = self._key_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise NoKey(
                f"{self._key_file} cannot be read ({type(error).__name__}). {ADVICE}"
            ) from error
        if not key:
            raise NoKey(f"{self._key_file} is empty. {ADVICE}")
        return key


ADVICE = (
    "The service makes this file at its start: `make build`. If the service runs on another "
    "machine, run `vehicle-price keys add page --monitoring` there, write the key that it shows "
    "into a file here, and name the file in MONITORING_KEY_FILE."
)
