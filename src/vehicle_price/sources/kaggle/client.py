"""Download requests through Kaggle's SDK, and what its error responses mean.

Imported only when Kaggle is the source. setup/decisions/0011-kaggle-through-its-sdk.md says why
this is not `import kaggle`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import requests
from kagglesdk import KaggleClient, KaggleCredentials
from kagglesdk.datasets.types.dataset_api_service import ApiDownloadDatasetRequest
from requests.adapters import HTTPAdapter

from vehicle_price.sources.base import SourceError, SourceUnavailable
from vehicle_price.sources.kaggle import credentials as kaggle_credentials
from vehicle_price.sources.kaggle.credentials import Credentials
from vehicle_price.sources.kaggle.download import PAUSES, download
from vehicle_price.sources.kaggle.download_errors import Stale, TransferError

# Seconds to connect, and between two bytes. The SDK itself has no timeout.
TIMEOUT_SECONDS = (10.0, 60.0)
RETRYABLE_STATUSES = (408, 425, 429, 500, 502, 503, 504)


def fetch(dataset: str, folder: Path, pauses: Sequence[float] = PAUSES) -> Path:
    """The zip of the dataset `owner/name` or `owner/name/version`, up to date, in `folder`.

    pauses: seconds before each retry of a failed transfer.
    Raises SourceError that says what to do.
    """
    request = _download_request(dataset)
    credentials = kaggle_credentials.find() or _stored_login()
    name = dataset.replace("/", "--")
    return download(partial(_send, dataset, request, credentials), folder, name, pauses)


def _download_request(dataset: str) -> ApiDownloadDatasetRequest:
    owner, name, version = (*dataset.split("/"), "", "")[:3]
    if not owner or not name or dataset.count("/") > 2 or not (version or "0").isdigit():
        raise SourceError(
            f"KAGGLE_DATASET={dataset!r}: expected owner/name or owner/name/version, as in the "
            "dataset's address on kaggle.com"
        )
    request = ApiDownloadDatasetRequest()
    request.owner_slug, request.dataset_slug = owner, name
    request.dataset_version_number = int(version) if version else None
    return request


@contextmanager
def _send(
    dataset: str,
    request: ApiDownloadDatasetRequest,
    credentials: Credentials,
    headers: dict[str, str],
) -> Iterator[requests.Response]:
    """The response to a download request, its body not yet read."""
    with _client(credentials, headers) as client:
        try:
            response = client.datasets.dataset_api_client.download_dataset(request)
        except requests.HTTPError as error:
            raise _translated(error.response, dataset, credentials.location) from error
        with response:
            yield response


@contextmanager
def _client(credentials: Credentials, headers: dict[str, str]) -> Iterator[KaggleClient]:
    sign_in = {
        "api_token": credentials.token or None,
        "username": credentials.username or None,
        "password": credentials.key or None,
    }
    with KaggleClient(**sign_in) as client:
        # The SDK has no parameter for a timeout or a Range header.
        session = client.http_client()._session  # pylint: disable=protected-access
        session.headers.update(headers)
        session.mount("https://", _TimeoutAdapter())
        session.mount("http://", _TimeoutAdapter())
        yield client


class _TimeoutAdapter(HTTPAdapter):
    def send(self, request, *args, **kwargs):  # pylint: disable=arguments-differ
        return super().send(request, *args, **(kwargs | {"timeout": TIMEOUT_SECONDS}))


def _stored_login() -> Credentials:
    """The credentials that `kaggle auth login` has stored, renewed when they have expired."""
    location = kaggle_credentials.STORED_LOGIN
    if not Path(location).expanduser().exists():
        raise kaggle_credentials.missing()
    try:
        with _client(Credentials(location), {}) as client:
            stored = KaggleCredentials.load(client)
            token = stored.get_access_token() if stored else ""
    except requests.RequestException as error:
        passes = isinstance(error, requests.ConnectionError | requests.Timeout)
        raise (SourceUnavailable if passes else SourceError)(
            f"the login in {location} cannot be renewed ({type(error).__name__}). When the network "
            "works, run `kaggle auth login` again"
        ) from error
    except (OSError, ValueError, TypeError, AttributeError):  # raised by the SDK for such a file
        token = ""
    if not token:
        raise SourceError(f"{location} is damaged: run `kaggle auth login` again")
    return Credentials(location, token=token)


def _translated(response: requests.Response, dataset: str, location: str) -> Exception:
    """The error for a response: TransferError where a retry may help, else SourceError."""
    status, detail = _status_and_message(response)
    if status == 416:
        return Stale("the server has no more bytes than are here")
    if status in RETRYABLE_STATUSES:
        return TransferError(f"Kaggle answered {status}{detail}", _retry_after(response))
    if response.history:
        return TransferError(f"the storage Kaggle sent us to answered {status}")
    page = f"https://www.kaggle.com/datasets/{dataset}"
    messages = {
        401: f"the credentials from {location} are refused (401{detail}): expired or mistyped. "
        f"Make a new token at {kaggle_credentials.SETTINGS_PAGE}",
        403: f"{dataset} is not open to the credentials from {location} (403{detail}). Either they "
        "are wrong, or the dataset is private, removed or has terms to accept: open "
        f"{page} in the browser, signed in as the same user",
        404: f"there is no dataset {dataset} ({status}{detail}). See {page}; set KAGGLE_DATASET to "
        "another, or read a copy with SOURCE=file DATA=path",
    }
    other = f"Kaggle answered {status}{detail} to the download of {dataset}. See {page}"
    return SourceError(messages.get(404 if status == 410 else status, other))


def _status_and_message(response: requests.Response) -> tuple[int, str]:
    """Kaggle puts both into JSON, sometimes in a response with status 200."""
    try:
        body = response.json()
        return int(body["code"]), f": {str(body['message'])[:200]}"
    except (ValueError, TypeError, KeyError, requests.RequestException):
        return response.status_code, ""


def _retry_after(response: requests.Response) -> float | None:
    seconds = response.headers.get("Retry-After", "")
    return float(seconds) if seconds.isdigit() else None
