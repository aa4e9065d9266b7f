"""The process that moves the outbox to PostgreSQL: `python -m service.forwarder`."""
