"""What the containers of an installation need."""
