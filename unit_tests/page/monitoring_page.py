"""The page Monitoring, drawn against the real Flask application with a made-up report."""

from pathlib import Path

import requests
from streamlit.testing.v1 import AppTest

from unit_tests.helpers.service_fakes import MONITORING_KEY, FakeReport, app_with
from unit_tests.page.in_process import InProcessAdapter

PAGE = Path(__file__).parents[2] / "streamlit" / "pages" / "Monitoring.py"


def drawn(monkeypatch, tmp_path, report=None, app=None, key=MONITORING_KEY, **query):
    """The page after its first run. app: another application; key: in the key's file."""
    file = tmp_path / "secrets" / "monitoring_key"
    if key is not None:
        file.parent.mkdir(exist_ok=True)
        file.write_text(key, encoding="utf-8")
    monkeypatch.setenv("LOCAL_DIR", str(tmp_path))
    app = app or app_with(tmp_path, monitoring=FakeReport(report))
    monkeypatch.setattr(requests.Session, "get_adapter", lambda self, url: InProcessAdapter(app))
    page = AppTest.from_file(str(PAGE), default_timeout=30)
    for name, value in query.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def words_of(page):
    """All text of the page, without the backslashes that keep Markdown from reading it."""
    kinds = (page.markdown, page.error, page.warning, page.info, page.caption)
    return "\n".join(one.value for kind in kinds for one in kind).replace("\\", "")
