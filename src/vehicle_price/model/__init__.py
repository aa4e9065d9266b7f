"""The deployable model: valuation, artifact, trees, scorer and the trial before it serves."""
