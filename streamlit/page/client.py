"""The page's only way to the outside: the service over HTTP."""

from typing import Any

import requests

TIMEOUT_SECONDS = (2, 15)  # connect, read


class ServiceDown(RuntimeError):
    """The service does not answer, or answers what it should not; the message says what to do."""


class Refused(ValueError):
    """The service refused with a problem. `fields`: what is wrong, by name of the field."""

    def __init__(self, detail: str, fields: dict[str, str]) -> None:
        super().__init__(detail)
        self.fields = fields


class Client:
    """The service at `url`."""

    def __init__(self, url: str, session: requests.Session | None = None) -> None:
        self.url = url.rstrip("/")
        self._session = session or requests.Session()
        self._session.trust_env = False  # neither a proxy nor .netrc stands in between

    def price(self, listing: dict[str, object]) -> dict[str, Any]:
        """The prediction for `listing`. Raises Refused, ServiceDown."""
        return self._ask("POST", "/predict", json=listing)

    def model(self) -> dict[str, Any]:
        """What serves now. Raises Refused, ServiceDown."""
        return self._ask("GET", "/model")

    def suggestions(self, make: str) -> list[str]:
        """Common models of `make`, at most 40. Raises Refused, ServiceDown."""
        return self._ask("GET", "/suggestions", params={"manufacturer": make})["models"]

    def _ask(self, method: str, path: str, **what: Any) -> dict[str, Any]:
        try:
            answer = self._session.request(method, self.url + path, timeout=TIMEOUT_SECONDS, **what)
            body = answer.json()
        except requests.RequestException as error:
            reason = f"The service at {self.url} does not answer ({type(error).__name__})."
            raise ServiceDown(f"{reason} `make status` shows what runs.") from error
        if answer.ok:
            return body
        raise Refused(*read_problem(body, answer.status_code))


def read_problem(body: Any, status: int) -> tuple[str, dict[str, str]]:
    """The words of a problem+json: its detail, and the reason for each field.

    >>> read_problem({"detail": "no", "errors": [{"pointer": "/year", "detail": "is old"}]}, 422)
    ('no', {'year': 'is old'})
    """
    if not isinstance(body, dict):
        return f"the service answered {status}", {}
    errors = body.get("errors", [])
    fields = {error["pointer"].lstrip("/"): error["detail"] for error in errors}
    return str(body.get("detail", f"the service answered {status}")), fields
