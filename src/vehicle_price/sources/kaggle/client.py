"""Kaggle's SDK at work: asks for the zip of a dataset and understands the refusals.

Loaded only when Kaggle is the source. setup/decisions/0011-kaggle-through-its-sdk.md says why
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

from vehicle_price.sources.base import SourceError
from vehicle_price.sources.kaggle import credentials as kaggle_credentials
from vehicle_price.sources.kaggle.credentials import Credentials
from vehicle_price.sources.kaggle.download import PAUSES, download
from vehicle_price.sources.kaggle.download_errors import Broken, Stale

# Seconds to connect, and of silence. The SDK would wait for ever.
PATIENCE = (10.0, 60.0)
MAY_PASS = (408, 425, 429, 500, 502, 503, 504)


def fetch(dataset: str, folder: Path, pauses: Sequence[float] = PAUSES) -> Path:
    """The zip of the dataset `owner/name` or `owner/name/version`, up to date, in `folder`.

    pauses: seconds before each further try after a broken transfer.
    Raises SourceError that says what to do.
    """
    wanted = _request(dataset)
    credentials = kaggle_credentials.find() or _stored_login()
    name = dataset.replace("/", "--")
    return download(partial(_ask, dataset, wanted, credentials), folder, name, pauses)


def _request(dataset: str) -> ApiDownloadDatasetRequest:
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
def _ask(
    dataset: str,
    wanted: ApiDownloadDatasetRequest,
    credentials: Credentials,
    headers: dict[str, str],
) -> Iterator[requests.Response]:
    """The answer to a download request, its body not yet read."""
    with _client(credentials, headers) as client:
        try:
            response = client.datasets.dataset_api_client.download_dataset(wanted)
        except requests.HTTPError as error:
            raise _refusal(error.response, dataset, credentials.place) from error
        with response:
            yield response


@contextmanager
def _client(credentials: Credentials, headers: dict[str, str]) -> Iterator[KaggleClient]:
    signed_in = {
        "api_token": credentials.token or None,
        "username": credentials.username or None,
        "password": credentials.key or None,
    }
    with KaggleClient(**signed_in) as client:
        # The SDK offers no way to set a time limit or a Range.
        session = client.http_client()._session  # pylint: disable=protected-access
        session.headers.update(headers)
        session.mount("https://", _Impatient())
        session.mount("http://", _Impatient())
        yield client


class _Impatient(HTTPAdapter):
    def send(self, request, *args, **kwargs):  # pylint: disable=arguments-differ
        return super().send(request, *args, **(kwargs | {"timeout": PATIENCE}))


def _stored_login() -> Credentials:
    """What `kaggle auth login` has stored, renewed when it is too old."""
    place = kaggle_credentials.STORED_LOGIN
    if not Path(place).expanduser().exists():
        raise kaggle_credentials.missing()
    try:
        with _client(Credentials(place), {}) as client:
            stored = KaggleCredentials.load(client)
            token = stored.get_access_token() if stored else ""
    except requests.RequestException as error:
        raise SourceError(
            f"the login in {place} cannot be renewed ({type(error).__name__}). When the network "
            "works, run `kaggle auth login` again"
        ) from error
    except (OSError, ValueError, TypeError, AttributeError):  # what the SDK does with such a file
        token = ""
    if not token:
        raise SourceError(f"{place} is damaged: run `kaggle auth login` again")
    return Credentials(place, token=token)


def _refusal(response: requests.Response, dataset: str, place: str) -> Exception:
    status, told = _told(response)
    if status == 416:
        return Stale("the server has no more bytes than are here")
    if status in MAY_PASS:
        return Broken(f"Kaggle answered {status}{told}", _retry_after(response))
    if response.history:
        return Broken(f"the storage Kaggle sent us to answered {status}")
    page = f"https://www.kaggle.com/datasets/{dataset}"
    reasons = {
        401: f"the credentials from {place} are refused (401{told}): expired or mistyped. Make a "
        f"new token at {kaggle_credentials.SETTINGS_PAGE}",
        403: f"{dataset} is not open to the credentials from {place} (403{told}). Either they are "
        "wrong, or the dataset is private, removed or has terms to accept: open "
        f"{page} in the browser, signed in as the same user",
        404: f"there is no dataset {dataset} ({status}{told}). See {page}; set KAGGLE_DATASET to "
        "another, or read a copy with SOURCE=file DATA=path",
    }
    other = f"Kaggle answered {status}{told} to the download of {dataset}. See {page}"
    return SourceError(reasons.get(404 if status == 410 else status, other))


def _told(response: requests.Response) -> tuple[int, str]:
    """Status and message: Kaggle puts both into JSON, at times under status 200."""
    try:
        body = response.json()
        return int(body["code"]), f": {str(body['message'])[:200]}"
    except (ValueError, TypeError, KeyError, requests.RequestException):
        return response.status_code, ""


def _retry_after(response: requests.Response) -> float | None:
    seconds = response.headers.get("Retry-After", "")
    return float(seconds) if seconds.isdigit() else None
