"""HTTP client of the service, the only system that the page talks to."""

import secrets
from typing import Any

import requests

TIMEOUT_SECONDS = (2, 15)  # connect, read


class ServiceUnavailable(RuntimeError):
    """The service does not answer, or not with JSON; the message says what to do."""


class Refused(ValueError):
    """The service refused the request. fields: the reason by name of the wrong field."""

    def __init__(self, detail: str, fields: dict[str, str], status: int = 0) -> None:
        super().__init__(detail)
        self.fields, self.status = fields, status


class Client:
    """A client of the service at `url`. visitor: an id, since each visitor gets one model for all
    prices, and the service sees one address for all of them."""

    def __init__(
        self, url: str, visitor: str = "", session: requests.Session | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self._session = new_session(session)
        self._session.headers["X-Client-Id"] = visitor or secrets.token_hex(8)
        self._session.headers["X-Channel"] = "form"

    def price(self, listing: dict[str, object]) -> dict[str, Any]:
        """The prediction for `listing`. Raises Refused, ServiceUnavailable."""
        return self._request("POST", "/predict", json=listing)

    def model(self) -> dict[str, Any]:
        """Facts of the serving model. Raises Refused, ServiceUnavailable."""
        return self._request("GET", "/model")

    def suggestions(self, make: str) -> list[str]:
        """Common models of `make`, at most 40. Raises Refused, ServiceUnavailable."""
        return self._request("GET", "/suggestions", params={"manufacturer": make})["models"]

    def _request(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        return request_json(
            self._session, method, self.url + path, timeout=TIMEOUT_SECONDS, **arguments
        )


def new_session(session: requests.Session | None = None) -> requests.Session:
    """A session that uses neither a proxy nor .netrc."""
    session = session or requests.Session()
    session.trust_env = False
    return session


def request_json(
    session: requests.Session, method: str, address: str, **arguments: Any
) -> dict[str, Any]:
    """The JSON of an answer. Raises Refused, ServiceUnavailable."""
    try:
        response = session.request(method, address, **arguments)
        body = response.json()
    except requests.RequestException as error:
        service = "/".join(address.split("/")[:3])
        reason = f"The service at {service} does not answer ({type(error).__name__})."
        raise ServiceUnavailable(f"{reason} `make status` shows what runs.") from error
    if response.ok:
        return body
    raise Refused(*read_problem(body, response.status_code), response.status_code)


def read_problem(body: Any, status: int) -> tuple[str, dict[str, str]]:
    """The detail of a problem+json, and the reason for each field.

    >>> read_problem({"detail": "no", "errors": [{"pointer": "/year", "detail": "is old"}]}, 422)
    ('no', {'year': 'is old'})
    """
    if not isinstance(body, dict):
        return f"the service answered {status}", {}
    errors = body.get("errors", [])
    fields = {error["pointer"].lstrip("/"): error["detail"] for error in errors}
    return str(body.get("detail", f"the service answered {status}")), fields
