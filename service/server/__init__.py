"""How Gunicorn reads requests and writes responses and logs."""
