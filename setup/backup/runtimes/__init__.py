"""What a backup needs of an installation, for each runtime."""
