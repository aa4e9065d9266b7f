"""The valuation service: Flask behind Gunicorn, and the sidecar that fetches its model."""
