"""Metrics of a model, the baseline to beat, segments of cars, and plots."""
