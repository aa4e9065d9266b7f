"""What is shown: channel, version and number of windows, kept in the address of the page."""

from collections.abc import Mapping

import streamlit as st

from page.monitoring import reading
from page.monitoring.reading import Report

NAMES = ("channel", "version", "windows")
WINDOWS, DEFAULT_WINDOWS = ("7", "14", "30", "90"), "14"
EVERY = "all"


def query() -> dict[str, str]:
    """What the page's address asks for; the service refuses what is wrong."""
    return {name: st.query_params[name] for name in NAMES if name in st.query_params}


def forget() -> None:
    """Show what is shown without a choice."""
    st.query_params.clear()


def choose(report: Report, chosen: Mapping[str, str]) -> None:
    """Draw the controls."""
    channels = [channel["channel"] for channel in report["channels"]]
    channel = chosen.get("channel") or reading.default_channel(report)
    _select("Channel", "channel", channels, channel)
    _select("Version", "version", [EVERY, *report["versions"]], chosen.get("version", EVERY))
    _select("Windows", "windows", list(WINDOWS), chosen.get("windows", DEFAULT_WINDOWS))


def _select(label: str, name: str, options: list[str], value: str | None) -> None:
    """A select box; a value of the address that is no option is one nevertheless."""
    offered = options if value is None or value in options else [*options, value]
    place = offered.index(value) if value is not None else None
    key = f"monitoring.{name}"
    st.selectbox(label, offered, index=place, key=key, on_change=_keep, args=(name, key))


def _keep(name: str, key: str) -> None:
    value = st.session_state[key]
    if value in (None, EVERY):
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = value
