"""The part of the page about requests: verdicts by channel, columns, what moved."""

import streamlit as st

from page.monitoring import reading, tables
from page.monitoring.charts import heat_map
from page.monitoring.links import Addresses
from page.monitoring.markdown import linked, sentence
from page.monitoring.reading import Report

ABOUT = (
    "Requests of a window against the frozen reference of their channel. The stronger the colour, "
    "the nearer to the limit; ▲ drift, ■ severe drift."
)


def draw(report: Report, addresses: Addresses, channel: str | None) -> None:
    """Draw it. channel: whose columns are shown; None without any channel."""
    st.subheader("Are requests still what the model knows?")
    if channel is None:
        st.info("No window of any channel is stored yet.")
        return
    st.caption(ABOUT)
    st.markdown("**Verdict by channel**")
    st.vega_lite_chart(heat_map.of_channels(report), width="stretch")
    st.markdown(f"**Columns of {channel}**")
    found = [column for column in report["columns"] if column["channel"] == channel]
    state = next((one for one in report["channels"] if one["channel"] == channel), None)
    if not found or state is None:
        st.info(sentence(_why_none(channel, state)))
        return
    everything = len(found) > heat_map.TOP and st.toggle(f"All {len(found)} columns")
    st.vega_lite_chart(heat_map.of_columns(report, channel, everything), width="stretch")
    _worst(report, addresses, state)
    _skew(report, channel)


def _why_none(channel: str, state: Report | None) -> str:
    """Which state a channel without a judged window is in, and what ends it."""
    latest = state["latest"] if state else None
    if not latest or not latest["requests"]:
        return f"{channel}: no requests in these windows."
    if latest["status"] == reading.LEARNING:
        waits = f"It waits for more: {latest['missing']}." if latest["missing"] else ""
        return f"{channel} is learning its reference, so nothing can be compared yet. {waits}"
    return f"{channel}: not enough data for a verdict in these windows."


def _worst(report: Report, addresses: Addresses, state: Report) -> None:
    channel = state["channel"]
    table = tables.worst_columns(report, channel)
    if not table or not state["judged"]:
        return
    day = reading.day_or_time(state["judged"]["window_start"], report["window_seconds"])
    moved = any(reading.alarmed_columns(report, channel))
    st.markdown(f"**{'What moved' if moved else 'Nearest to the limit'} on {day}**")
    st.markdown(table)
    st.markdown(linked("Distributions of this window", addresses.pictures(state["judged"])))


def _skew(report: Report, channel: str) -> None:
    if table := tables.skew(report, channel):
        with st.expander("Requests against the training rows (skew)"):
            st.caption("Shown, never alarmed: clients leave fields blank that sellers fill in.")
            st.markdown(table)
