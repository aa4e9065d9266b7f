"""The data contract: check a batch of raw listings, quarantine rows with reasons, report."""
