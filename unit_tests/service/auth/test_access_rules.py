"""Who may call what: the table in setup/http.md, the routes' own rules, and what they answer."""

import re
from pathlib import Path

import pytest

from service.auth.access_rules import ALLOWED, access, rule_of
from service.openapi.document import routes_of
from unit_tests.helpers.service_fakes import ADMIN_KEY, API_KEY, MONITORING_KEY, app_with

DOCUMENT = Path(__file__).parents[3] / "setup" / "http.md"
ROW = re.compile(r"^\| `(?P<method>[A-Z]+) (?P<path>/\S*)` \| (?P<rule>[a-z]+) \|", re.MULTILINE)
IDENTITIES = {
    "nobody": "",
    "wrong": "guess",
    "key": API_KEY,
    "admin": ADMIN_KEY,
    "monitoring": MONITORING_KEY,
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
REFUSED = {
    "public": {},
    "key": {"nobody": 401, "wrong": 403, "monitoring": 403},
    "admin": {"nobody": 401, "wrong": 403, "key": 403, "monitoring": 403},
    "monitoring": {"nobody": 401, "wrong": 403, "key": 403},
    "signed": dict.fromkeys(IDENTITIES, 401),  # none of them has signed anything
}


def documented():
    """(method, path) → rule, as setup/http.md says."""
    rows = ROW.finditer(DOCUMENT.read_text(encoding="utf-8"))
    return {(row["method"], row["path"]): row["rule"] for row in rows}


def address(rule):
    """A Flask rule as setup/http.md writes it."""
    return rule.rule.replace("<path:", "<")


@pytest.fixture(name="app", scope="module")
def _app(tmp_path_factory):
    return app_with(tmp_path_factory.mktemp("model"))


def test_the_table_lists_every_route_and_its_rule(app):
    rules = {(method, address(r)): rule_of(app, r.endpoint) for method, r in routes_of(app)}
    assert rules == documented()


def test_what_changes_something_is_not_public():
    changing = {key for key in documented() if key[0] != "GET"}
    public = {key for key in changing if documented()[key] == "public"}
    assert public == {("POST", "/predict"), ("POST", "/predict/batch")}  # they change nothing


@pytest.mark.parametrize("path", sorted({path for _, path in documented()}))
@pytest.mark.parametrize("identity", IDENTITIES)
def test_every_method_of_every_route_answers_each_identity_as_the_table_says(app, path, identity):
    table = documented()
    headers = {"X-API-Key": IDENTITIES[identity]} if identity != "nobody" else {}
    for method in METHODS:
        rule = table.get(("GET" if method == "HEAD" else method, path))
        asked = re.sub("<.*>", "form.css", path)
        answer = app.test_client().open(asked, method=method, headers=headers)
        if rule is None:
            assert answer.status_code == 405, (method, path)
        elif expected := REFUSED[rule].get(identity):
            assert answer.status_code == expected, (method, path)
        else:
            assert answer.status_code not in (401, 403, 405), (method, path)


def test_no_role_is_allowed_by_default():
    """A new role reaches no route before it is named here."""
    assert ALLOWED == {
        "key": {"key", "admin"},
        "admin": {"admin"},
        "monitoring": {"monitoring", "admin"},
    }


@pytest.mark.parametrize(
    ("identity", "words"), [("key", "MONITORING_KEY_FILE"), ("monitoring", "API_KEY_FILE")]
)
def test_a_key_of_another_scope_is_told_which_one_is_needed(app, identity, words):
    path = {"key": "/monitoring", "monitoring": "/lineage/1"}[identity]
    answer = app.test_client().get(path, headers={"X-API-Key": IDENTITIES[identity]})
    assert answer.status_code == 403 and words in answer.get_json()["detail"]
    assert answer.get_json()["type"].endswith(":wrong-scope")


@pytest.mark.parametrize(
    "identity, status",
    [("nobody", 401), ("wrong", 403), ("key", 403), ("monitoring", 403), ("admin", 200)],
)
def test_a_route_for_admins_answers_only_them(tmp_path, identity, status):
    app = app_with(tmp_path)
    app.add_url_rule("/secret", view_func=access("admin")(lambda: "done"), endpoint="secret")
    headers = {"Authorization": f"Bearer {IDENTITIES[identity]}"}
    assert app.test_client().get("/secret", headers=headers).status_code == status


def test_a_route_without_a_rule_answers_403_even_to_admins(tmp_path):
    app = app_with(tmp_path)
    app.add_url_rule("/forgotten", view_func=lambda: "all our data", endpoint="forgotten")
    answer = app.test_client().get("/forgotten", headers={"X-API-Key": ADMIN_KEY})
    assert answer.status_code == 403 and "no access rule" in answer.get_json()["detail"]


def test_a_request_keeps_its_sane_id_and_gets_one_instead_of_another(app):
    client = app.test_client()
    for given in ("order-17", "a" * 100):
        assert (
            client.get("/health", headers={"X-Request-ID": given}).headers["X-Request-ID"] == given
        )
    for given in ("", "two words", "a" * 101, "-x", "é", '"}{'):
        request_id = client.get("/nowhere", headers={"X-Request-ID": given}).headers["X-Request-ID"]
        assert re.fullmatch("[0-9a-f]{32}", request_id)
