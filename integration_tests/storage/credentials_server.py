"""A fake of the servers that give temporary AWS credentials: of a machine, a container, a person.

Their answers have the forms that botocore's own tests have.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from integration_tests.helpers.http_server import serving
from integration_tests.helpers.ports import HOST

ROLE = "listings-role"
MACHINE = "/latest/meta-data/iam/security-credentials/"
CONTAINER = "/container"
PERSON = "/federation/credentials"
SESSION = "a token of the metadata server"  # which it demands since its second version


class CredentialsServer(ThreadingHTTPServer):
    """Each answer has new credentials.

    seconds: until they expire; clients renew what expires in less than ten minutes. keys: those
    that were given and count; asked: the paths of the requests.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((HOST, 0), _Handler)
        self.seconds = 6 * 3600
        self.keys: dict[str, str] = {}
        self.asked: list[str] = []
        self._given = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{HOST}:{self.server_port}"

    def knows(self, key: str, token: str) -> bool:
        """Whether these credentials count."""
        return bool(token) and self.keys.get(key) == token

    def revoke(self) -> None:
        """End all credentials that were given until now."""
        self.keys.clear()

    def new_credentials(self) -> tuple[str, str, float]:
        """Key, token, and the moment of their end."""
        self._given += 1
        key, token = f"KEY{self._given}", f"token {self._given}"
        self.keys[key] = token
        return key, token, time.time() + self.seconds


class _Handler(BaseHTTPRequestHandler):
    # http.server calls a method named after that of the request.
    def do_PUT(self) -> None:  # pylint: disable=invalid-name
        """A session of the metadata server."""
        self._answer(SESSION.encode() if self.path == "/latest/api/token" else None)

    def do_GET(self) -> None:  # pylint: disable=invalid-name
        """Credentials, or the name of the role that a machine has."""
        path = self.path.partition("?")[0]
        self.server.asked.append(path)
        if path.startswith(MACHINE) and self.headers["x-aws-ec2-metadata-token"] != SESSION:
            self._answer(None)
        elif path == MACHINE:
            self._answer(ROLE.encode())
        elif path in (MACHINE + ROLE, CONTAINER, PERSON):
            answer = _for_person if path == PERSON else _for_program
            self._answer(json.dumps(answer(*self.server.new_credentials())).encode())
        else:
            self._answer(None)

    def _answer(self, content: bytes | None) -> None:
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_: object) -> None:
        """No line per request."""


def _for_program(key: str, token: str, end: float) -> dict[str, Any]:
    moment = datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    keys = {"AccessKeyId": key, "SecretAccessKey": "secret", "Token": token}
    return {"Code": "Success", "Type": "AWS-HMAC", "Expiration": moment, **keys}


def _for_person(key: str, token: str, end: float) -> dict[str, Any]:
    keys = {"accessKeyId": key, "secretAccessKey": "secret", "sessionToken": token}
    return {"roleCredentials": keys | {"expiration": int(end * 1000)}}


@contextmanager
def credentials_server() -> Iterator[CredentialsServer]:
    """A running server."""
    with serving(CredentialsServer()) as server:
        yield server
