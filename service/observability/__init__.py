"""Metrics for Prometheus, and the set-up of logging."""
