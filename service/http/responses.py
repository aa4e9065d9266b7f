"""JSON responses."""

from collections.abc import Mapping
from typing import NamedTuple

from flask import Response
from pydantic_core import to_json


class EncodedAnswer(NamedTuple):
    """An answer with status 200 that is written without Flask.

    body: JSON. noted: fields for the access log, beside those of every request.
    """

    body: bytes
    request_id: str
    noted: Mapping[str, str]


def json_response(content: object, status: int = 200) -> Response:
    """The response with `content` as JSON; a number that is not finite becomes null."""
    return encoded_response(to_json(content, inf_nan_mode="null"), status)


def encoded_response(body: bytes, status: int = 200) -> Response:
    """The response with a body that is JSON already."""
    return Response(body, status=status, content_type="application/json")
