"""Ids of predictions: UUIDs of version 7, so they sort by time.

The ids of one request differ in the last three hex digits only, counted from 000. So a thousand ids
cost as little as one, and each id leads to the record of the outbox that holds its prediction.
"""

import os
import time

PER_REQUEST = 4096  # three hex digits


def new_id() -> str:
    """The id of a request's first prediction.

    The time counts in 1/4096 ms, as RFC 9562 has it in section 6.2, method 3.

    >>> first, second = new_id(), new_id()
    >>> len(first), first[14], first[-3:], first[:18] <= second[:18]
    (36, '7', '000', True)
    """
    ticks = time.time_ns() * 4096 // 1_000_000
    random_bits = int.from_bytes(os.urandom(7), "big") >> 6  # 50 of them
    value = (ticks >> 12) << 80 | 7 << 76 | (ticks & 0xFFF) << 64 | 2 << 62 | random_bits << 12
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def member_id(first_id: str, position: int) -> str:
    """The id of the prediction at `position` in its request, counted from 0.

    >>> member_id("01938a7e-0000-7000-8000-123456789000", 10)
    '01938a7e-0000-7000-8000-12345678900a'
    """
    return f"{first_id[:33]}{position:03x}"


def member_ids(first_id: str, count: int) -> list[str]:
    """The ids of a request's predictions, in order.

    >>> member_ids("01938a7e-0000-7000-8000-123456789000", 2)[1]
    '01938a7e-0000-7000-8000-123456789001'
    """
    prefix = first_id[:33]
    return [f"{prefix}{position:03x}" for position in range(count)]


def split_id(prediction_id: str) -> tuple[str, int]:
    """The id of the first prediction of its request, and its position there.

    >>> split_id("01938a7e-0000-7000-8000-12345678900a")
    ('01938a7e-0000-7000-8000-123456789000', 10)
    """
    return prediction_id[:33] + "000", int(prediction_id[33:], 16)


def ticks_of(prediction_id: str) -> int:
    """When an id was made, in 1/4096 ms since 1970.

    >>> abs(ticks_of(new_id()) / 4096 / 1000 - time.time()) < 1
    True
    """
    digits = prediction_id.replace("-", "")
    return int(digits[:12] + digits[13:16], 16)
