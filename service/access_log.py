"""Gunicorn's access log as one JSON object per line."""

import json
from datetime import timedelta
from typing import Any

from gunicorn.glogging import Logger


class AccessLogger(Logger):
    """Gunicorn's logger with a structured access log; the query is left out, it may be personal."""

    def access(self, resp: Any, req: Any, environ: dict, request_time: timedelta) -> None:
        """Log one answered request."""
        if not self.cfg.accesslog:
            return
        line = {
            "time": self.now(),
            "method": environ["REQUEST_METHOD"],
            "path": environ["PATH_INFO"],
            "status": int(resp.status.split(None, 1)[0]),
            "bytes": getattr(resp, "sent", None),
            "milliseconds": round(request_time.total_seconds() * 1000, 2),
            "client": environ.get("REMOTE_ADDR"),
        }
        self.access_log.info(json.dumps(line))
