"""The valuation service: Flask behind Gunicorn, and the processes beside it."""
