"""Who may do what in MLflow: its users, the rules of its server, the webhook to the service."""
