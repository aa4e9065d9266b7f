"""Where listings come from: one module or room for each source."""
