"""The Streamlit page: `streamlit run streamlit/Home.py`. Prices come from SERVICE_URL."""  # pylint: disable=invalid-name

import secrets

import streamlit as st

from page.client import Client
from page.view import show
from vehicle_price.settings import Settings

visitor = st.session_state.setdefault("visitor", secrets.token_hex(8))
show(Client(Settings.from_environment().service_url, visitor))
