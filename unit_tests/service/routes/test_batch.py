"""POST /predict/batch: files in, the same rows with prices out."""

import csv
import gzip
import io
import json
import re
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from service.app import Components, create_app
from service.inference.model_holder import ModelHolder, Served
from service.outbox.outbox import Outbox, OutboxFull
from service.routes.batch import ADDED_COLUMNS, BATCH_ROWS, CHUNK_ROWS
from unit_tests.helpers import tiny
from unit_tests.helpers.service_fakes import KEYS, EmptyLog, FakeReport, FakeTrainer, app_with
from vehicle_price.listing.validation import check_many

HEAD = "year,manufacturer,odometer,model"
PARQUET = "application/vnd.apache.parquet"


@pytest.fixture(name="client")
def _client(tmp_path):
    return app_with(tmp_path).test_client()


def csv_rows(response) -> list[dict[str, str]]:
    """The answered CSV, which must be one."""
    assert response.status_code == 200 and response.mimetype == "text/csv"
    return list(csv.DictReader(io.StringIO(response.get_data(as_text=True), newline="")))


def asked(client, text, **headers):
    """The answer to a CSV."""
    return client.post("/predict/batch", data=text, content_type="text/csv", headers=headers)


def parquet(table: pa.Table, **options) -> bytes:
    """A table as a file."""
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def asked_parquet(client, body):
    """The answer to a Parquet file."""
    return client.post("/predict/batch", data=body, content_type=PARQUET)


def test_rows_come_back_as_they_were_with_prices(client):
    text = f'{HEAD}\n2014,Honda ,88000.0,"civic, ""ex"""\n2015,ford,1e3,\n'
    first, second = csv_rows(asked(client, text))
    assert list(first) == [*HEAD.split(","), *ADDED_COLUMNS]
    assert list(first.values())[:4] == ["2014", "Honda ", "88000.0", 'civic, "ex"']
    assert (first["predicted_price"], second["predicted_price"]) == ("20140", "20150")
    assert (first["predicted_low"], first["predicted_high"]) == ("19140", "21140")
    assert (first["model_version"], first["error"]) == ("7", "")
    assert re.fullmatch(r"[0-9a-f-]{36}", first["prediction_id"])
    assert first["prediction_id"] != second["prediction_id"]


def test_a_wrong_row_says_what_is_wrong_and_the_others_are_priced(client):
    rows = ["2014,honda,88000,civic", "1800,honda,-5,", "2014,honda,88000,a,b,c", "2014,honda", ""]
    answered = csv_rows(asked(client, "\n".join([HEAD, *rows, "2015,ford,1000,f150"])))
    assert [row["predicted_price"] for row in answered] == ["20140", "", "", "", "20150"]
    assert answered[1]["error"] == "year 1800 is below 1970; odometer -5 is below 0 miles"
    assert answered[2]["error"] == "has more cells than the head of the file: b, c"
    assert answered[3]["error"].startswith("odometer is required")
    assert not answered[1]["prediction_id"] and not answered[1]["model_version"]
    assert [row["model"] for row in answered] == ["civic", "", "a", "", "f150"]


def test_many_rows_are_answered_in_order_over_all_parts(client):
    rows = [f"{1970 + n % 50},honda,{n},unheard of" for n in range(2 * CHUNK_ROWS + BATCH_ROWS + 1)]
    response = asked(client, "\n".join([HEAD, *rows]))
    assert response.headers["X-Model-Version"] == "7" and response.is_streamed
    answered = csv_rows(response)
    assert [row["odometer"] for row in answered] == [str(n) for n in range(len(rows))]
    assert all(int(row["predicted_price"]) == 10 * int(row["year"]) for row in answered)
    assert {row["warnings"] for row in answered} == {"model: never seen"}
    assert len({row["prediction_id"] for row in answered}) == len(rows)


def test_a_byte_order_mark_windows_lines_and_gzip_are_read(client):
    plain = f"\ufeff{HEAD}\r\n2014,honda,88000,\U0001f697\r\n"
    packed = asked(client, gzip.compress(plain.encode()), **{"Content-Encoding": "gzip"})
    expected = csv_rows(asked(client, plain))[0] | {"prediction_id": ""}
    assert csv_rows(packed)[0] | {"prediction_id": ""} == expected
    assert expected["model"] == "\U0001f697"


def test_a_file_without_rows_is_answered_with_its_head(client):
    response = asked(client, HEAD + "\n")
    assert response.get_data(as_text=True).strip() == ",".join([HEAD, *ADDED_COLUMNS])


def test_the_price_in_a_raw_file_is_carried_along_and_never_read(client):
    rows = csv_rows(asked(client, f"price,{HEAD}\n0,2014,honda,88000,\n12,2014,honda,88000,\n"))
    assert [(r["price"], r["predicted_price"]) for r in rows] == [("0", "20140"), ("12", "20140")]


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("", "the file is empty"),
        ("year,odometer\n2014,1\n", "/manufacturer is required"),
        (f"{HEAD},odometr\n", "/odometr unknown; did you mean odometer?"),
        (f"{HEAD},year\n", "/year is there more than once"),
        (f"{HEAD},error\n", "/error is the name of a column that is added"),
        (f"{HEAD}\n2014,honda,1,".encode() + b"\xff\n", "not UTF-8"),
        (f"{HEAD}\n2014,honda,1,{'x' * 200_000}\n", "not CSV: field larger than field limit"),
    ],
)
def test_a_file_that_cannot_be_read_to_its_end_is_refused_before_a_row_is_answered(
    client, text, detail
):
    response = asked(client, text)
    assert response.status_code == 422 and detail in response.json["detail"]


@pytest.mark.parametrize(
    ("headers", "content_type", "status"),
    [
        ({}, "application/json", 415),
        ({}, "application/octet-stream", 415),
        ({"Content-Encoding": "br"}, "text/csv", 415),
        ({"Content-Encoding": "gzip"}, "text/csv", 400),
        ({"Idempotency-Key": "a"}, "text/csv", 422),
    ],
)
def test_other_types_are_refused(client, headers, content_type, status):
    response = client.post(
        "/predict/batch", data=f"{HEAD}\n", content_type=content_type, headers=headers
    )
    assert response.status_code == status and response.mimetype == "application/problem+json"


def test_a_file_of_too_many_rows_or_columns_is_refused(client, monkeypatch):
    monkeypatch.setattr("vehicle_price.listing.files.MAX_ROWS", 2)
    rows = "2014,honda,1,\n"
    assert asked(client, f"{HEAD}\n{2 * rows}").status_code == 200
    assert "3 rows; at most 2" in asked(client, f"{HEAD}\n{3 * rows}").json["detail"]
    table = pa.table({"year": [2014] * 3, "manufacturer": ["kia"] * 3, "odometer": [1] * 3})
    assert "3 rows; at most 2" in asked_parquet(client, parquet(table)).json["detail"]
    response = asked(client, ",".join(f"column{n}" for n in range(20_000)))
    assert response.status_code == 422 and len(response.json["errors"]) == 100


def test_no_room_for_the_file_is_said_and_no_fault_of_the_client(client, monkeypatch):
    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("service.routes.batch.tempfile.TemporaryFile", full)
    assert asked(client, f"{HEAD}\n").status_code == 503


def test_a_page_damaged_in_the_middle_is_found_before_a_row_is_answered(client):
    cars = {"year": [2014] * 9_000, "manufacturer": ["kia"] * 9_000, "odometer": range(9_000)}
    body = bytearray(parquet(pa.table(cars), compression="zstd", use_dictionary=False))
    page = body.rindex(b"\x28\xb5\x2f\xfd")  # the last one that Zstandard packed
    body[page + 20 : page + 60] = bytes(40)
    response = asked_parquet(client, bytes(body))
    assert response.status_code == 422 and "not Parquet" in response.json["detail"]


def small_app(tmp_path, outbox=None):
    """A service that takes files of 1,000 bytes."""
    served = ModelHolder(Served(tiny.valuation("xgboost"), "1"))
    outbox = outbox or Outbox(tmp_path / "outbox.sqlite", 2**24)
    components = Components(
        served,
        FakeTrainer(),
        KEYS,
        tmp_path,
        outbox=outbox,
        log=EmptyLog(),
        monitoring=FakeReport(),
        uploads_dir=tmp_path,
    )
    return create_app(replace(components, batch_max_bytes=1_000))


def test_a_file_over_the_limit_is_refused_also_when_it_is_packed(tmp_path):
    client, large = small_app(tmp_path).test_client(), HEAD + "\n" * 1_000
    assert asked(client, large).status_code == 413
    packed = gzip.compress(large.encode())
    assert len(packed) < 1_000
    assert asked(client, packed, **{"Content-Encoding": "gzip"}).status_code == 413
    assert asked(client, large[:900]).status_code == 200


def test_nothing_is_answered_that_is_not_in_the_outbox(tmp_path):
    class Full(Outbox):
        """Takes nothing more."""

        def append(self, record):
            """Refuse."""
            raise OutboxFull("full")

    client = small_app(tmp_path, Full(tmp_path / "full.sqlite", 2**24)).test_client()
    assert asked(client, f"{HEAD}\n2014,honda,1,\n").status_code == 503


def test_each_price_is_recorded_under_its_id(tmp_path):
    client = small_app(tmp_path).test_client()
    rows = csv_rows(asked(client, f"{HEAD}\n2014,honda,1000,civic\n,,,\n2015,ford,2000,f150\n"))
    first = Outbox(tmp_path / "outbox.sqlite", 2**24).find(rows[0]["prediction_id"], "prediction")
    record = json.loads(first)
    assert [listing["odometer"] for listing in record["listings"]] == [1000, 2000]
    prices = [int(row["predicted_price"]) for row in rows if row["predicted_price"]]
    assert [estimate[0] for estimate in record["estimates"]] == prices


def test_csv_parquet_and_a_list_have_equal_prices(tmp_path):
    client = app_with(tmp_path, valuation=tiny.valuation("xgboost")).test_client()
    cars = tiny.halves().test.head(400)
    listings = tiny.as_sent(cars)
    frame = cars[list(listings[0])]
    expected = [e.price for e in tiny.valuation("xgboost").price_many(check_many(listings, 2021))]
    rows = csv_rows(asked(client, frame.to_csv(index=False)))
    assert [int(row["predicted_price"]) for row in rows] == expected
    table = pa.Table.from_pandas(frame, preserve_index=False)
    answered = pq.read_table(pa.BufferReader(asked_parquet(client, parquet(table)).data))
    assert answered["predicted_price"].to_pylist() == expected
    assert answered.select(table.column_names).cast(table.schema).equals(table)


def test_parquet_rows_that_are_wrong_say_so_and_types_are_kept(client):
    table = pa.table(
        {
            "year": pa.array([2014.0, None, 2014.5]),
            "manufacturer": ["honda", "ford", "kia"],
            "odometer": pa.array(["1000", "2000", "many"]),
            "posting_date": pa.array([1_619_600_000, 0, None], pa.timestamp("s", "UTC")),
        }
    )
    response = asked_parquet(client, parquet(table))
    answered = pq.read_table(pa.BufferReader(response.data))
    assert answered["predicted_price"].to_pylist() == [20140, None, None]
    assert answered["error"].to_pylist()[0] is None
    assert answered["error"].to_pylist()[1].startswith("year is required")
    assert "year expected a whole number" in answered["error"].to_pylist()[2]
    assert answered["posting_date"].to_pylist() == table["posting_date"].to_pylist()
    assert answered["odometer"].to_pylist() == ["1000", "2000", "many"]


def test_what_is_no_parquet_or_has_other_columns_is_refused(client):
    good = parquet(pa.table({"year": [2014], "manufacturer": ["honda"], "odometer": [1]}))
    for body in (b"", b"PAR1", good[:-9], good[:20] + b"\0" * 40 + good[-80:], b"year\n2014"):
        response = asked_parquet(client, body)
        assert response.status_code == 422 and "not Parquet" in response.json["detail"]
    for table in (pa.table({"year": [2014]}), pa.table({"error": [1], "year": [1]})):
        assert asked_parquet(client, parquet(table)).status_code == 422
    assert asked_parquet(client, good).status_code == 200
