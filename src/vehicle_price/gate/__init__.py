"""The promotion gate: which model goes to production, its checks, and its model card."""
