"""The page: the status in three lines, open incidents, then prices, requests and actions."""

import streamlit as st

from page.client import Refused, ServiceUnavailable
from page.monitoring import controls, input_section, price_section, reading, tables
from page.monitoring.client import MonitoringClient, NoKey
from page.monitoring.links import Addresses
from page.monitoring.markdown import linked, sentence
from page.monitoring.reading import Report
from page.monitoring.status.actions import actions, freshness
from page.monitoring.status.inputs import inputs
from page.monitoring.status.line import Line
from page.monitoring.status.prices import prices

ICONS = {
    "good": ":green[:material/check_circle:]",
    "wait": ":gray[:material/hourglass_empty:]",
    "warn": ":orange[:material/warning:]",
    "bad": ":red[:material/error:]",
}
# On a phone a row of a table is a paragraph, and what is still too wide scrolls by itself.
NARROW = """<style>
[data-testid="stMain"] :is(p, li) { overflow-wrap: anywhere; }
[data-testid="stMarkdownContainer"] table { display: block; max-width: 100%; overflow-x: auto; }
[data-testid="stMarkdownContainer"] th { white-space: nowrap; }
@media (max-width: 640px) {
  [data-testid="stMarkdownContainer"] thead { display: none; }
  [data-testid="stMarkdownContainer"] :is(tbody, tr, td) { display: block; border: 0; padding: 0; }
  [data-testid="stMarkdownContainer"] tr { padding: 0.5rem 0; }
  [data-testid="stMarkdownContainer"] td:first-child { font-weight: 600; }
}
</style>"""


def show(client: MonitoringClient, addresses: Addresses) -> None:
    """Draw the whole page."""
    st.set_page_config(page_title="Monitoring", page_icon="📈", layout="wide")
    st.html(NARROW)
    st.title("Monitoring")
    query = controls.query()
    try:
        with st.spinner("Reading what monitoring has stored…"):
            report = client.report({"windows": controls.DEFAULT_WINDOWS} | query)
    except (NoKey, Refused, ServiceUnavailable) as error:
        _failure(error, query)
        return
    with st.sidebar:
        controls.choose(report, query)
        _links(addresses)
    _draw(report, addresses, query)


def _failure(error: Exception, query: dict[str, str]) -> None:
    st.error(f"There are no figures to show. {sentence(str(error))}", icon=":material/error:")
    if query:
        st.button("Without channel, version and windows", on_click=controls.forget)
    st.button("Try again")


def _links(addresses: Addresses) -> None:
    st.button("Read again", width="stretch")
    st.markdown("\n".join(f"- {linked(*pair)}" for pair in addresses.listed()))
    st.caption("Times are in UTC. Limits and verdicts are those that monitoring decided by.")


def _draw(report: Report, addresses: Addresses, query: dict[str, str]) -> None:
    level, text = freshness(report)
    (st.error if level == "bad" else st.caption)(sentence(text))
    version = query.get("version")
    lines = (inputs(report), prices(report, version), actions(report))
    for column, line in zip(st.columns(3), lines, strict=True):
        with column:
            _line(line)
    _incidents(report, addresses)
    if report["windows"]:
        price_section.draw(report, version)
        channel = query.get("channel") or reading.default_channel(report)
        input_section.draw(report, addresses, channel)
    _actions(report, addresses)


def _line(line: Line) -> None:
    with st.container(border=True, height="stretch", gap="small"):
        st.markdown(f"{ICONS[line.level]} **{line.subject}: {sentence(line.head)}**")
        st.markdown("\n".join(f"- {sentence(text)}" for text in line.sentences))


def _incidents(report: Report, addresses: Addresses) -> None:
    for incident in reading.open_incidents(report):
        since = f"{incident['severity']}, open since {reading.minute(incident['opened_at'])}"
        text = (
            f"**{sentence(tables.title(incident))}** ({since}): {sentence(incident['message'])} "
            f"{linked('Pictures', addresses.pictures(incident))}"
        )
        draw = st.error if incident["severity"] == "page" else st.warning
        draw(text, icon=":material/notifications_active:")


def _actions(report: Report, addresses: Addresses) -> None:
    st.subheader("What did the system do?")
    for title, table in (
        ("Retrainings", tables.retrainings(report, addresses)),
        ("Versions in production", tables.production(report)),
        ("Resolved incidents", tables.incidents(report, addresses)),
    ):
        st.markdown(f"**{title}**")
        st.markdown(table or "None in these windows.")
