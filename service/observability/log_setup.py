"""How the service's processes log: one line per event to standard error, which rotates outside.

Several workers cannot rotate one file, so whoever starts them (supervisord, Docker) keeps the log.
"""

import logging

FORMAT = "%(asctime)s %(levelname)s [%(process)d] %(name)s: %(message)s"


def configure(level: str) -> None:
    """Send all log lines from `level` up to standard error. For entry points only."""
    logging.basicConfig(format=FORMAT, level=level.upper())
