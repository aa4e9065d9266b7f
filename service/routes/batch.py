"""POST /predict/batch: a file of listings in, the same rows with prices out, streamed.

The whole file is received before the first row is answered: a client that sends all before it reads
would wait for ever otherwise. Memory holds a few thousand rows at a time.
"""

import gzip
import io
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain, islice, tee
from pathlib import Path
from typing import IO, Any, Protocol

from flask import Blueprint, Request, Response, request

from service.auth.access_rules import access
from service.environ import MODEL_VERSION
from service.http.body import body_file
from service.http.clock import this_year
from service.http.problem import Problem
from service.http.request_context import IDEMPOTENCY_KEY, RequestContext, request_context
from service.http.slots import Slots
from service.inference.ahead import map_ahead
from service.inference.model_holder import Served
from service.inference.pricer import Priced, Pricer
from vehicle_price.estimate import Estimate
from vehicle_price.listing.errors import WrongValues, echo
from vehicle_price.listing.validation import check_each
from vehicle_price.prediction_log.ids import member_ids, new_id

PATH = "/predict/batch"
ADDED_COLUMNS: Mapping[str, type] = {
    "prediction_id": str,
    "predicted_price": int,
    "predicted_low": int,
    "predicted_high": int,
    "model_version": str,
    "warnings": str,
    "error": str,
}
NO_PRICE = (None,) * (len(ADDED_COLUMNS) - 1)  # before the error
CHUNK_ROWS = 5_000  # in memory at a time
BATCH_ROWS = 250  # are scored while the last ones are written
FILES = 2  # of a worker at a time; each occupies memory, a thread and, unpacked, disk
READ_BYTES = 262_144  # of the body at a time

Listing = dict[str, object]
AddedValues = tuple[object, ...]  # the values of ADDED_COLUMNS in order, None for no value


class PricedFile(Protocol):
    """A file of listings and how it is written again; one class for each media type."""

    def chunks(self, rows: int) -> Iterator[Any]:
        """The rows in order, `rows` at a time."""

    def listings(self, chunk: Any) -> Iterator[Listing | str]:
        """Each row as a listing to check, or the reason why it is none."""

    def encode(self, chunk: Any, added: Sequence[AddedValues]) -> bytes:
        """The rows with ADDED_COLUMNS."""

    def end(self) -> bytes:
        """The bytes after the last row."""


def _csv(file: IO[bytes], _: int) -> PricedFile:
    from vehicle_price.listing.csv_file import PricedCsv

    return PricedCsv(file, list(ADDED_COLUMNS))


def _parquet(file: IO[bytes], max_bytes: int) -> PricedFile:
    # A worker that gets no Parquet file does without pyarrow.
    from vehicle_price.listing.parquet_file import PricedParquet

    return PricedParquet(file, ADDED_COLUMNS, max_bytes)


FORMATS: Mapping[str, Callable[[IO[bytes], int], PricedFile]] = {
    "text/csv": _csv,
    "application/vnd.apache.parquet": _parquet,
}


def blueprint(pricer: Pricer, max_bytes: int, folder: Path) -> Blueprint:
    """The route for files. max_bytes: the largest accepted file, unpacked. folder: of temporary
    files."""
    routes = Blueprint("batch", __name__)
    slots = Slots(FILES, "files")
    scorer = ThreadPoolExecutor(FILES, "batch-scorer")

    @routes.post(PATH)
    @access("public")
    def predict_batch() -> Response:
        open_file = _format_of(request)
        context, served = request_context(request, "batch"), pricer.holder.current()
        request.environ[MODEL_VERSION] = served.version
        release = slots.occupy()
        try:
            file = open_file(_unpacked_body(request, max_bytes, folder), max_bytes)
            content = _priced_file(file, pricer, served, context, partial(map_ahead, scorer))
            # An error in the first chunk, such as a full outbox, still has a status of its own.
            content = chain([next(content)], content)
        except BaseException:
            release()
            raise
        headers = {"X-Model-Version": served.version}
        response = Response(content, content_type=request.mimetype, headers=headers)
        response.call_on_close(release)
        return response

    return routes


def _format_of(incoming: Request) -> Callable[[IO[bytes], int], PricedFile]:
    if IDEMPOTENCY_KEY in incoming.headers:
        detail = f"{IDEMPOTENCY_KEY} is for /predict; the same file sent again is priced again"
        raise Problem(422, "no-idempotency", detail)
    if incoming.mimetype not in FORMATS:
        detail = f"expected Content-Type: {' or '.join(FORMATS)}, got {incoming.mimetype or 'none'}"
        raise Problem(415, "wrong-type", detail)
    return FORMATS[incoming.mimetype]


def _priced_file(
    file: PricedFile,
    pricer: Pricer,
    served: Served,
    context: RequestContext,
    score_ahead: Callable[..., Any],
) -> Iterator[bytes]:
    """The priced file, chunk by chunk. The records of a chunk are kept before it is sent."""
    for chunk in file.chunks(CHUNK_ROWS):
        checked_batches, same_batches = tee(map(_checked, _batches(file.listings(chunk))))
        estimates = served.valuation.price_batches(map(_valid, same_batches), score_ahead)
        added: list[AddedValues] = []
        for checked, prices in zip(checked_batches, estimates, strict=True):
            added += _added_values(checked, _kept(_valid(checked), prices, pricer, served, context))
        yield file.encode(chunk, added)
    yield file.end()


def _batches(listings: Iterator[Listing | str]) -> Iterator[list[Listing | str]]:
    while rows := list(islice(listings, BATCH_ROWS)):
        yield rows


def _valid(checked: list[Listing | str]) -> list[Listing]:
    return [listing for listing in checked if isinstance(listing, dict)]


def _checked(rows: list[Listing | str]) -> list[Listing | str]:
    """Each row as a checked listing, or the reason why it is none."""
    listings = [row for row in rows if isinstance(row, dict)]
    results = iter(check_each(listings, this_year()))
    checked = [next(results) if isinstance(row, dict) else row for row in rows]
    return [_reason(row) if isinstance(row, WrongValues) else row for row in checked]


def _reason(wrong: WrongValues) -> str:
    return "; ".join(f"{e.pointer.lstrip('/')} {e.detail}" for e in wrong.errors)


def _added_values(checked: list[Listing | str], prices: Iterator[AddedValues]) -> list[AddedValues]:
    """For each row its price, or its error."""
    return [next(prices) if isinstance(row, dict) else (*NO_PRICE, row) for row in checked]


def _kept(
    listings: list[Listing],
    estimates: list[Estimate],
    pricer: Pricer,
    served: Served,
    context: RequestContext,
) -> Iterator[AddedValues]:
    """The prices of one batch, once their record is kept."""
    if not listings:
        return
    priced = Priced(new_id(), listings, estimates, served)
    pricer.keep(priced, context)
    prediction_ids = member_ids(priced.first_id, len(listings))
    for prediction_id, estimate in zip(prediction_ids, estimates, strict=True):
        price, low, high, warnings = estimate
        yield prediction_id, price, low, high, served.version, "; ".join(warnings), None


def _unpacked_body(incoming: Request, max_bytes: int, folder: Path) -> IO[bytes]:
    """The body, unpacked if need be, as a file on disk, which is deleted when it is closed."""
    encoding = incoming.headers.get("Content-Encoding", "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise Problem(415, "wrong-encoding", f"expected gzip or nothing, got {echo(encoding)}")
    body = body_file(incoming)
    if body.seek(0, os.SEEK_END) > max_bytes:
        raise _too_large(max_bytes)
    body.seek(0)
    if encoding == "identity" and not isinstance(body, io.BytesIO):
        return body
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Not with `with`: the file is read while the answer is streamed, after the view has ended.
        file = tempfile.TemporaryFile(dir=folder)  # pylint: disable=consider-using-with
        for block in _blocks(body, encoding):
            if file.tell() + len(block) > max_bytes:
                raise _too_large(max_bytes)
            file.write(block)
        file.seek(0)
    except OSError as error:
        detail = "there is no room for the file now; try again later, or send it in parts"
        raise Problem(503, "no-room", detail, headers={"Retry-After": "30"}) from error
    return file


def _too_large(max_bytes: int) -> Problem:
    detail = f"the file is larger than {max_bytes:,} bytes unpacked; send it in parts"
    return Problem(413, "too-large", detail, headers={"Connection": "close"})


def _blocks(body: IO[bytes], encoding: str) -> Iterator[bytes]:
    try:
        stream = gzip.open(body) if encoding == "gzip" else body
        while block := stream.read(READ_BYTES):
            yield block
    except (OSError, EOFError, zlib.error) as error:
        raise Problem(400, "broken-body", "the body is no gzip, or breaks off") from error
