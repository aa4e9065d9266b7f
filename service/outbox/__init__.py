"""The transactional outbox: every answer is kept on the local disk before it is given."""
