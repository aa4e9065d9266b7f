"""Sources of listings: one module or room for each source."""
