"""The page: sidebar, form, price. Its state is in the session, so that it survives errors."""

import streamlit as st

from page import form, result
from page.client import Client, Refused, ServiceUnavailable
from vehicle_price.schema import Column

MAX_SUGGESTIONS = 40  # a select box with thousands of entries freezes the browser


def show(client: Client) -> None:
    """Draw the whole page."""
    st.set_page_config(page_title="Vehicle price", page_icon="🚗", layout="centered")
    with st.sidebar:
        _model_section(client)
    st.title("What is this car worth?")
    st.write(
        "An asking price for a used vehicle in the United States, learned from Craigslist "
        "listings. Make, year and mileage are enough; every further detail narrows it down."
    )
    _form(client)
    st.button(
        "Value this car", type="primary", on_click=_request_price, args=(client,), width="stretch"
    )
    _result()


def _model_section(client: Client) -> None:
    st.header("The model")
    try:
        for line in result.model_facts(client.model()):
            st.markdown(line)
    except (ServiceUnavailable, Refused) as error:
        st.warning(str(error))
    st.divider()
    st.caption(f"Prices come from the service at {client.url}.")


def _form(client: Client) -> None:
    _in_two_columns(form.main_columns(), client)
    with st.expander("More details"):
        _in_two_columns(form.other_columns(), client)


def _in_two_columns(columns: list[Column], client: Client) -> None:
    for start in range(0, len(columns), 2):
        for container, column in zip(st.columns(2), columns[start : start + 2]):
            with container:
                _field(column, client)


def _field(column: Column, client: Client) -> None:
    """Draw one input, and below it the reason for which the service refused its value."""
    make = st.session_state.get(form.key("manufacturer"))
    common = {"key": form.key(column.name, make), "help": column.help}
    name = form.label(column)
    hint = "Choose…" if column.required else "Not known"
    if column.kind == "integer":
        limits = {"min_value": column.minimum, "max_value": column.maximum, "step": 1}
        st.number_input(name, value=None, placeholder=str(column.example), **limits, **common)
    elif column.kind == "level":
        st.selectbox(name, column.levels, index=None, placeholder=hint, **common)
    elif column.name == "model":
        models = _suggestions(client, make)
        hint = "Choose or type" if make else "Type, or pick a make"
        st.selectbox(name, models, None, accept_new_options=True, placeholder=hint, **common)
    else:
        example, max_chars = str(column.example), column.max_length
        st.text_input(name, placeholder=example, max_chars=max_chars, **common)
    if reason := st.session_state.get("wrong", {}).get(column.name):
        st.markdown(f":red[{reason}]")


def _suggestions(client: Client, make: str | None) -> list[str]:
    """Models to choose from; empty when the service is unavailable: the sidebar shows the error."""
    try:
        return client.suggestions(make)[:MAX_SUGGESTIONS] if make else []
    except (ServiceUnavailable, Refused):
        return []


def _request_price(client: Client) -> None:
    """Request the price of the listing in the form; keep the result for the next drawing."""
    session = st.session_state
    listing = form.listing_from(session)
    session["priced"], session["wrong"], session["failure"] = None, {}, ""
    try:
        session["priced"] = (listing, client.price(listing))
    except Refused as error:
        session["wrong"], session["failure"] = error.fields, str(error)
    except ServiceUnavailable as error:
        session["failure"] = str(error)


def _result() -> None:
    session = st.session_state
    if session.get("wrong"):
        reasons = [f"- **{name}**: {reason}" for name, reason in session["wrong"].items()]
        st.error("Please correct:\n" + "\n".join(reasons))
    elif session.get("failure"):
        st.error(session["failure"])
    elif session.get("priced"):
        _price(*session["priced"])


def _price(listing: dict, prediction: dict) -> None:
    with st.container(border=True):
        title = " ".join(str(listing.get(n, "")) for n in ("year", "manufacturer", "model"))
        st.metric(f"Estimated price of this {title.strip()}", result.dollars(prediction["price"]))
        st.markdown(result.interval_in_words(prediction))
        st.vega_lite_chart(result.interval_chart(prediction), width="stretch")
        for warning in prediction["warnings"]:
            st.warning(warning)
        model, number = prediction["model"], prediction["prediction_id"]
        st.caption(f"{model['name']} version {model['version']} · prediction {number}")
    if listing != form.listing_from(st.session_state):
        st.info("The form has changed since: press the button again for its price.")
