"""The page Monitoring, below the address of the Streamlit page: /Monitoring."""  # pylint: disable=invalid-name

from page.monitoring.client import MonitoringClient
from page.monitoring.links import Addresses
from page.monitoring.view import show
from vehicle_price.settings import Settings

settings = Settings.from_environment()
show(
    MonitoringClient(settings.service_url, settings.monitoring_key_file),
    Addresses(settings.evidently_url, settings.airflow_page_url, settings.grafana_url),
)
