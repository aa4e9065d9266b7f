"""The HTTP contract as requests: what a client may send, however wrong, and the status it gets.

The same lists are sent to the service alone and to the containers with nginx before it.
"""

import os
import subprocess
import sys
from pathlib import Path

from integration_tests.helpers.processes import ROOT

# Which key schemathesis sends where, for the file that it reads in its folder.
KEYS = """
headers = {{ X-API-Key = "{}" }}
[[operations]]
include-path = "/monitoring"
headers = {{ X-API-Key = "{}" }}
"""

HOSTILE = {
    b"": 400,
    b"[" * 60_000: 400,
    b'{"a":' * 60_000: 400,
    b'[{"model":' + b"[" * 300 + b"]" * 300 + b"}]": 400,
    b"9" * 5_000: 400,
    b'{"year": ' + b"9" * 4_000 + b"}": 422,
    b'{"year": NaN}': 400,
    b'{"year": Infinity}': 400,
    b'{"year": 1e999}': 422,
    b'{"model": "\xff"}': 400,
    b'{"model": "\\ud800"}': 400,
    b'{"model": "\\u0000"}': 422,
    b'{"year": 2014, "year": 2015, "manufacturer": "honda", "odometer": 1}': 400,
    b'{"year": true, "manufacturer": "honda", "odometer": 1}': 422,
    b'{"year": "2014", "manufacturer": "honda", "odometer": 1}': 422,
    b'{"year": 2014, "manufacturer": "\\u200b", "odometer": 1}': 422,
    b'{"__proto__": 1, "constructor": 2}': 422,
    b"\xef\xbb\xbf{}": 400,
    '{"year": 2014}'.encode("utf-16"): 400,
    b"{}{}": 400,
    b"null": 422,
    b"[]": 422,
    b"[[]]": 422,
    b"[" + b"{}," * 1_000 + b"{}]": 422,
    b" " * 3_000_000: 413,
}

FILES = [b"\x00" * 1_000, b"a\n" * 200_000, b'"' * 70_000, b"PAR1" * 3, b"year,year\n1,2\n"]

BROKEN = {
    b"NONSENSE\r\n\r\n": 400,
    b"GET / HTTP/9.9\r\n\r\n": 400,
    b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n": 400,
    b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n": 414,
    b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 20_000 + b"\r\n\r\n": 431,
    b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: a\r\n" * 200 + b"\r\n": 431,
    b"GET / HTTP/1.1\r\nHost: x\r\nA b: c\r\n\r\n": 400,
    b"GET /health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: nonsense\r\n\r\n": 400,
    b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n{}": 400,
    b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n": 400,
    b"GET /health HTTP/1.1\r\nHost: x\r\nSCRIPT_NAME: /x\r\nConnection: close\r\n\r\n": 200,
    b"GET /health HTTP/1.1\r\nHost: x\r\nExpect: nonsense\r\n\r\n": 417,
}


def run_schemathesis(
    url: str, api_key: str, monitoring_key: str, examples: str, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Generate requests from the OpenAPI document and check the answers against it.

    examples: of each operation. folder: an empty one, for its files.
    """
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json"]
    options = ["--checks", "all", "--mode", "all", "--max-examples", examples, "--no-color"]
    options += ["--seed", "5", "--generation-database", "none", "--continue-on-failure"]
    options += ["--suppress-health-check", "all"]
    keys = KEYS.format(api_key, monitoring_key)
    (folder / "schemathesis.toml").write_text(keys, encoding="utf-8")
    hooks = str(ROOT / "integration_tests" / "prediction_log" / "schemathesis_hooks.py")
    return subprocess.run(
        command + options,
        cwd=folder,
        env=os.environ | {"SCHEMATHESIS_HOOKS": hooks},
        capture_output=True,
        text=True,
        check=False,
    )
