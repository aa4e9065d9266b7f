"""From a raw listing to model inputs, for one listing and for many from the same tables."""
