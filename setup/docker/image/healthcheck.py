"""Exit 0 if a container is healthy, 1 with the reason if not. Only the standard library.

healthcheck.py http://127.0.0.1:5000/health            the address answers 200
healthcheck.py http://…/monitor/health dag_processor   … and its JSON says that this part is healthy
healthcheck.py tcp://postgres:5432                     something accepts connections there
"""

import json
import socket
import sys
import urllib.request
from urllib.parse import urlsplit

SECONDS = 8


def problem(address: str, part: str = "") -> str:
    """Why it is not healthy, "" if it is."""
    target = urlsplit(address)
    try:
        if target.scheme == "tcp":
            socket.create_connection((target.hostname, target.port), SECONDS).close()
            return ""
        with urllib.request.urlopen(address, timeout=SECONDS) as response:
            body = response.read()
        status = json.loads(body)[part]["status"] if part else "healthy"
    except (OSError, ValueError, KeyError) as error:
        return f"{address}: {error}"
    return "" if status == "healthy" else f"{address}: {part} is {status}"


if __name__ == "__main__":
    sys.exit(problem(*sys.argv[1:]) or 0)
