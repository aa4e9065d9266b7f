"""Metrics, baseline, the promotion gate and plots."""
