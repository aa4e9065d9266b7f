"""The part of the page about prices: figures over the windows, segments."""

from collections.abc import Callable, Sequence

import streamlit as st

from page.monitoring import reading, tables
from page.monitoring.charts import figures
from page.monitoring.charts.axis import Spec
from page.monitoring.reading import Report

BIAS = (
    "How much more clients report than we say: +0.10 is 10 %. Outside the dashed limits (red "
    "square) prices are wrong, and a retraining starts by itself. Purple: retraining, new version."
)
ERROR = "Error of the typical car, in per cent. Grey: at the version's own test. Dashed: the limit."
COVERAGE = "Reports within our 90 % range. Grey: at the version's own test. Dashed: the limit."
DOLLARS = "Blue: measured on reports. Grey: to expect if prices hold; both rise with harder cars."
FEEDBACK = "Predictions that have a report. Newer windows still wait for theirs."


def draw(report: Report, version: str | None) -> None:
    """Draw it. version: the chosen one, None for whatever was in production."""
    st.subheader("Are prices still right?")
    rows = reading.production_rows(report, version)
    if figures.has_values(rows, "bias"):
        _chart("Bias", BIAS, rows, "bias", lambda: figures.bias(rows, report))
    else:
        st.info("No verdict in these windows: bias needs 30 reports of a window, the others 100.")
    left, right = st.columns(2)
    with left:
        _share("Typical error", ERROR, rows, "median_ape", report)
        dollars = "mean_absolute_error"
        _chart("Mean error", DOLLARS, rows, dollars, lambda: figures.error(rows, report))
    with right:
        _share("Coverage", COVERAGE, rows, "coverage", report)
        share = "feedback_share"
        _chart("Feedback", FEEDBACK, rows, share, lambda: figures.feedback(rows, report))
    _figures(report, rows, version)


def _share(title: str, about: str, rows: Sequence[Report], figure: str, report: Report) -> None:
    _chart(title, about, rows, figure, lambda: figures.against_limit(rows, report, figure))


def _chart(
    title: str, about: str, rows: Sequence[Report], figure: str, spec: Callable[[], Spec]
) -> None:
    st.markdown(f"**{title}**")
    if figures.has_values(rows, figure):
        st.caption(about)
        st.vega_lite_chart(spec(), width="stretch")
    else:
        st.caption("Not enough data yet.")


def _figures(report: Report, rows: Sequence[Report], version: str | None) -> None:
    if row := reading.latest_judged(rows, "bias"):
        day = reading.day_or_time(row["window_start"], report["window_seconds"])
        with st.expander(f"All figures of version {row['version']} on {day}"):
            st.markdown(tables.figures(row))
    count, table = tables.segments(report, version)
    if count:
        day = reading.day_or_time(report["segments"][0]["window_start"], report["window_seconds"])
        with st.expander(f"Segments beyond a limit on {day}: {count}"):
            st.caption("Shown, never alarmed: of many segments one may be beyond it by chance.")
            st.markdown(table)
