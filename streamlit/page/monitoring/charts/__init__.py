"""The charts of the page Monitoring as Vega-Lite, plain data."""
