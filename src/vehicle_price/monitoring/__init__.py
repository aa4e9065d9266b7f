"""Drift, performance and the decision to retrain, from counts of requests; pure functions."""
