"""The Streamlit page: `streamlit run streamlit/Home.py`. Prices come from SERVICE_URL."""  # pylint: disable=invalid-name

from page.client import Client
from page.view import show
from vehicle_price.settings import Settings

show(Client(Settings.from_environment().service_url))
