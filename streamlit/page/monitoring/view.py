"""The page: the status in three lines, open incidents, then prices, inputs and actions."""

from collections.abc import Callable

import streamlit as st

from page.client import Refused, ServiceUnavailable
from page.monitoring import charts, controls, heat_map, reading, tables, words
from page.monitoring.client import MonitoringClient, NoKey
from page.monitoring.links import Addresses
from page.monitoring.markdown import linked, plain
from page.monitoring.reading import Report
from page.monitoring.words import Line

ICONS = {
    "good": ":green[:material/check_circle:]",
    "wait": ":gray[:material/hourglass_empty:]",
    "warn": ":orange[:material/warning:]",
    "bad": ":red[:material/error:]",
}


def show(client: MonitoringClient, addresses: Addresses) -> None:
    """Draw the whole page."""
    st.set_page_config(page_title="Monitoring", page_icon="📈", layout="wide")
    st.title("Monitoring")
    query = controls.query()
    try:
        with st.spinner("Asking the service…"):
            report = client.report(query)
    except (NoKey, Refused, ServiceUnavailable) as error:
        _failure(error, query)
        return
    with st.sidebar:
        controls.choose(report, query)
        _links(addresses)
    _report(report, addresses, query.get("channel"), query.get("version"))


def _failure(error: Exception, query: dict[str, str]) -> None:
    st.error(f"There are no figures to show. {plain(error)}", icon=":material/error:")
    if query:
        st.button("Without channel, version and windows", on_click=controls.forget)
    st.button("Try again")


def _links(addresses: Addresses) -> None:
    st.button("Read again", width="stretch")
    st.markdown("\n".join(f"- {linked(*pair)}" for pair in addresses.listed()))
    st.caption("Times are in UTC. Figures are those that monitoring stored and decided by.")


def _report(report: Report, addresses: Addresses, channel: str | None, version: str | None) -> None:
    level, sentence = words.freshness(report)
    (st.error if level == "bad" else st.caption)(plain(sentence))
    for column, line in zip(st.columns(3), words.status_lines(report, version), strict=True):
        with column:
            _line(line)
    _incidents(report, addresses)
    if not report["windows"]:
        return
    _prices(report, version)
    _inputs(report, addresses, channel or reading.default_channel(report))
    _actions(report, addresses)


def _line(line: Line) -> None:
    with st.container(border=True, height="stretch"):
        st.markdown(f"{ICONS[line.level]} **{line.subject}: {plain(line.head)}**")
        for sentence in line.sentences:
            st.markdown(plain(sentence))


def _incidents(report: Report, addresses: Addresses) -> None:
    for incident in reading.open_incidents(report):
        is_page = incident["severity"] == "page"
        since = f"open since {reading.minute(incident['opened_at'])} UTC"
        text = (
            f"**{plain(tables.title(incident))}** ({incident['severity']}, {since}): "
            f"{plain(incident['message'])}. {linked('Pictures', addresses.pictures(incident))}"
        )
        (st.error if is_page else st.warning)(text, icon=":material/notifications_active:")


def _prices(report: Report, version: str | None) -> None:
    st.header("Are prices still right?")
    rows = reading.production_rows(report, version)
    if not charts.has_values(rows, "bias"):
        st.info("No window has reports enough for a verdict: bias needs 30, other figures 100.")
        _chart("Predictions with a report", "", rows, "feedback_share", charts.feedback, report)
        return
    about = (
        "+0.10: clients report 10 % more than we say. Outside the dashed limits prices are wrong "
        "(red square); a retraining follows by itself. Purple: a new version, a retraining."
    )
    _chart("Bias", about, rows, "bias", charts.bias, report)
    left, right = st.columns(2)
    with left:
        _share(
            "Typical error",
            "Of the reported price; grey: at its own test.",
            rows,
            "median_ape",
            report,
        )
        about = "Blue: where prices were reported; grey: to expect if prices hold."
        _chart("Mean error", about, rows, "mean_absolute_error", charts.error, report)
    with right:
        about = "Reports within our 90 % range; grey: at its own test."
        _share("Coverage", about, rows, "coverage", report)
        about = "Newer windows wait for theirs: without reports there is no verdict."
        _chart("Feedback", about, rows, "feedback_share", charts.feedback, report)
    _figures(report, rows, version)


def _share(title: str, about: str, rows: list[Report], figure: str, report: Report) -> None:
    def draw(rows: list[Report], report: Report) -> charts.Spec:
        return charts.against_limit(rows, report, figure, "")

    _chart(title, f"{about} Dashed: the limit.", rows, figure, draw, report)


def _chart(
    title: str,
    about: str,
    rows: list[Report],
    figure: str,
    draw: Callable[[list[Report], Report], charts.Spec],
    report: Report,
) -> None:
    st.subheader(title)
    st.caption(about)
    if charts.has_values(rows, figure):
        st.vega_lite_chart(draw(rows, report), width="stretch")
    else:
        st.caption("Not enough data yet.")


def _figures(report: Report, rows: list[Report], version: str | None) -> None:
    if row := reading.latest_judged(rows, "bias"):
        day = reading.day_or_time(row["window_start"], report["window_seconds"])
        with st.expander(f"All figures of version {row['version']} in the window of {day}"):
            st.markdown(tables.figures(row))
    if found := tables.segments(report, version):
        with st.expander("Segments beyond a limit", expanded=True):
            st.caption("Shown, never alarmed: of many segments one may be beyond it by chance.")
            st.markdown(found)


def _inputs(report: Report, addresses: Addresses, channel: str | None) -> None:
    st.header("Are the requests still those that the model knows?")
    st.caption(
        "Each channel against its own frozen reference. ▲ drift, ■ severe drift; the stronger the "
        "colour, the nearer to the limit."
    )
    if channel is None:
        st.info("No channel has been judged yet.")
        return
    st.vega_lite_chart(heat_map.of_channels(report), width="stretch")
    st.subheader(f"Columns of {channel}")
    found = [column for column in report["columns"] if column["channel"] == channel]
    if not found:
        st.info(_why_no_columns(report, channel))
        return
    everything = len(found) > heat_map.TOP and st.toggle(f"All {len(found)} columns")
    st.vega_lite_chart(heat_map.of_columns(report, channel, everything), width="stretch")
    _worst(report, addresses, channel)


def _why_no_columns(report: Report, channel: str) -> str:
    """Which state a channel without a judged window is in, and what ends it."""
    state = next((c for c in report["channels"] if c["channel"] == channel), None)
    latest = state["latest"] if state else None
    if not latest or not latest["requests"]:
        return f"{channel}: no requests in these windows."
    if latest["status"] == reading.LEARNING:
        return (
            f"{channel} is learning its reference, so nothing can be compared yet. "
            f"It has {latest['missing']}."
        )
    return f"{channel}: too few requests in each window for a verdict."


def _worst(report: Report, addresses: Addresses, channel: str) -> None:
    state = next(c for c in report["channels"] if c["channel"] == channel)
    if found := tables.worst_columns(report, channel):
        day = reading.day_or_time(reading.state_of(state)["window_start"], report["window_seconds"])
        st.subheader(f"What moved on {day}")
        st.markdown(found)
        st.markdown(linked("Distributions of this window", addresses.pictures(state["judged"])))
    if found := tables.skew(report, channel):
        with st.expander("Requests against the training rows (skew)"):
            st.caption("Shown, never alarmed: clients leave fields blank that sellers fill in.")
            st.markdown(found)


def _actions(report: Report, addresses: Addresses) -> None:
    st.header("What did the system do?")
    for title, table in (
        ("Retrainings", tables.retrainings(report, addresses)),
        ("Versions in production", tables.production(report)),
        ("Resolved incidents", tables.incidents(report, addresses)),
    ):
        st.subheader(title)
        st.markdown(table or "None in these windows.")
