"""What the project is made of, and whether its files and dependencies may be trusted."""
