"""Logging of long-running processes: one line per event to standard error.

Several workers cannot rotate one file. The process manager (supervisord, Docker) rotates the log.
"""

import logging

FORMAT = "%(asctime)s %(levelname)s [%(process)d] %(name)s: %(message)s"


def configure(level: str) -> None:
    """Send all log lines from `level` up to standard error. For entry points only."""
    logging.basicConfig(format=FORMAT, level=level.upper())
