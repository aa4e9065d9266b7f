"""POST /predict/batch: a file of listings in, the same rows with prices out, streamed.

The file is taken whole, onto disk, before the first row is answered: who sends and reads one
after the other would wait for ever otherwise. Memory holds a few thousand rows at a time.
"""

import gzip
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice, tee
from typing import IO, Any, Protocol

from flask import Blueprint, Request, Response, request

from service.auth.access_rules import access
from service.http.middleware import note_version
from service.http.problem import Problem
from service.http.request_context import IDEMPOTENCY_KEY
from service.inference.model_holder import Served
from service.inference.offload import ahead, off_loop
from service.outbox import codec
from service.outbox.codec import Asked
from service.routes.predict import Pricer, asked_by
from vehicle_price.estimate import Estimate
from vehicle_price.listing.errors import WrongValues, echo
from vehicle_price.listing.validation import check_each
from vehicle_price.prediction_log.ids import member_ids, new_id

ADDED: Mapping[str, type] = {
    "prediction_id": str,
    "predicted_price": int,
    "predicted_low": int,
    "predicted_high": int,
    "model_version": str,
    "warnings": str,
    "error": str,
}
NO_PRICE = (None,) * (len(ADDED) - 1)  # before the error
READ_ROWS = 5_000  # in memory at a time
TURN_ROWS = 250  # about 8 ms of work, after which other requests have their turn
PIECE = 262_144  # bytes of the body read at a time

Listing = dict[str, object]
Added = tuple[object, ...]  # the values of ADDED in their order, None where there is none


class PricedFile(Protocol):
    """A file of listings and how it is written again; one class for each media type."""

    def parts(self, rows: int) -> Iterator[Any]:
        """Its rows in order, so many at a time."""

    def listings(self, part: Any) -> Iterator[Listing | str]:
        """Rows as listings to check, or why a row is none."""

    def written(self, part: Any, added: Sequence[Added]) -> bytes:
        """Rows with the columns ADDED."""

    def end(self) -> bytes:
        """What follows the last row."""


def _csv(file: IO[bytes]) -> PricedFile:
    from vehicle_price.listing.csv_file import PricedCsv

    return PricedCsv(file, list(ADDED))


def _parquet(file: IO[bytes]) -> PricedFile:
    from vehicle_price.listing.parquet_file import PricedParquet  # pyarrow: only for who sends it

    return PricedParquet(file, ADDED)


FORMATS: Mapping[str, Callable[[IO[bytes]], PricedFile]] = {
    "text/csv": _csv,
    "application/vnd.apache.parquet": _parquet,
}


def blueprint(pricer: Pricer, max_bytes: int) -> Blueprint:
    """The route for files. max_bytes: the largest file that is taken, unpacked."""
    routes = Blueprint("batch", __name__)

    @routes.post("/predict/batch")
    @access("public")
    def predict_batch() -> Response:
        opened = _format_of(request)
        asked, served = asked_by(request), pricer.holder.current()
        file = off_loop(opened)(_spooled(request, max_bytes))
        note_version(served.version)
        answer = _answer(file, pricer, served, asked)
        # What stops the first part, such as a full outbox, still has a status of its own.
        answer = chain([next(answer)], answer)
        headers = {"X-Model-Version": served.version}
        return Response(answer, content_type=request.mimetype, headers=headers)

    return routes


def _format_of(incoming: Request) -> Callable[[IO[bytes]], PricedFile]:
    if IDEMPOTENCY_KEY in incoming.headers:
        detail = f"{IDEMPOTENCY_KEY} is for /predict; the same file sent again is priced again"
        raise Problem(422, "no-idempotency", detail)
    if incoming.mimetype not in FORMATS:
        detail = f"expected Content-Type: {' or '.join(FORMATS)}, got {incoming.mimetype or 'none'}"
        raise Problem(415, "wrong-type", detail)
    return FORMATS[incoming.mimetype]


def _answer(file: PricedFile, pricer: Pricer, served: Served, asked: Asked) -> Iterator[bytes]:
    """The priced file, part by part; each is in the outbox before it is given out."""
    for part in file.parts(READ_ROWS):
        checked, again = tee(map(_checked, _turns(file.listings(part))))
        estimates = served.valuation.price_turns(map(_good, again), ahead)
        added: list[Added] = []
        for turn, prices in zip(checked, estimates, strict=True):
            added += _added(turn, _kept(_good(turn), prices, pricer, served, asked))
            time.sleep(0)  # under gevent: let others have their turn
        yield file.written(part, added)
    yield file.end()


def _turns(listings: Iterator[Listing | str]) -> Iterator[list[Listing | str]]:
    while rows := list(islice(listings, TURN_ROWS)):
        yield rows


def _good(checked: list[Listing | str]) -> list[Listing]:
    return [listing for listing in checked if isinstance(listing, dict)]


def _checked(rows: list[Listing | str]) -> list[Listing | str]:
    """The rows as checked listings, or why a row is none."""
    found = iter(check_each([row for row in rows if isinstance(row, dict)]))
    checked = [next(found) if isinstance(row, dict) else row for row in rows]
    return [_worded(one) if isinstance(one, WrongValues) else one for one in checked]


def _worded(wrong: WrongValues) -> str:
    return "; ".join(f"{e.pointer.lstrip('/')} {e.detail}" for e in wrong.errors)


def _added(turn: list[Listing | str], kept: Iterator[Added]) -> list[Added]:
    """For each row its price, or what is wrong with it."""
    return [next(kept) if isinstance(one, dict) else (*NO_PRICE, one) for one in turn]


def _kept(
    listings: list[Listing],
    estimates: list[Estimate],
    pricer: Pricer,
    served: Served,
    asked: Asked,
) -> Iterator[Added]:
    """Prices whose record is in the outbox."""
    if not listings:
        return
    first_id, version = new_id(), served.version
    pricer.outbox.append(
        codec.priced(first_id, listings, estimates, served.row, served.role, asked)
    )
    pricer.metrics.predicted(len(listings), served.role, version)
    pricer.shadow.offer(first_id, listings)
    ids = member_ids(first_id, len(listings))
    for one, (price, low, high, warnings) in zip(ids, estimates, strict=True):
        yield one, price, low, high, version, "; ".join(warnings), None


def _spooled(incoming: Request, max_bytes: int) -> IO[bytes]:
    """The body, unpacked, in a file that vanishes when it is let go."""
    pieces, size = _pieces(incoming), 0
    try:
        file = tempfile.TemporaryFile()  # pylint: disable=consider-using-with
        for piece in pieces:
            size += len(piece)
            if size > max_bytes:
                detail = f"the file is larger than {max_bytes:,} bytes unpacked; send it in parts"
                raise Problem(413, "too-large", detail, headers={"Connection": "close"})
            file.write(piece)
        file.seek(0)
    except OSError as error:
        detail = "there is no room for the file now; try again later, or send it in parts"
        raise Problem(503, "no-room", detail, headers={"Retry-After": "30"}) from error
    return file


def _pieces(incoming: Request) -> Iterator[bytes]:
    """The body, unpacked."""
    encoding = incoming.headers.get("Content-Encoding", "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise Problem(415, "wrong-encoding", f"expected gzip or nothing, got {echo(encoding)}")
    stream = gzip.open(incoming.stream) if encoding == "gzip" else incoming.stream
    try:
        while piece := stream.read(PIECE):
            yield piece
    except (OSError, EOFError, zlib.error) as error:  # the client went away, or broken gzip
        raise Problem(400, "broken-body", "the body could not be read to its end") from error
