"""Checks of the dashboards and alerts in evidently_service/, without a Grafana."""
