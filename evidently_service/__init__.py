"""Monitoring as a process: closes windows, keeps results, opens incidents, starts retraining."""
