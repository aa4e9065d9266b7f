"""JSON files that one process writes and others read."""

import json
from concurrent.futures import ThreadPoolExecutor

from service.json_files import write_json


def test_a_reader_never_sees_half_a_file(tmp_path):
    path = tmp_path / "current.json"
    write_json(path, {"n": 0})
    with ThreadPoolExecutor(2) as pool:
        writing = pool.submit(lambda: [write_json(path, {"n": n}) for n in range(200)])
        while not writing.done():
            json.loads(path.read_text(encoding="utf-8"))
    assert json.loads(path.read_text(encoding="utf-8")) == {"n": 199}
