"""The clock of requests: what year it is, for listings without a posting date."""

import time


def this_year() -> int:
    """The present year (UTC)."""
    return time.gmtime().tm_year
