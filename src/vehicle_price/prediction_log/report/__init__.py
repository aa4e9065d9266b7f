"""What monitoring has stored, read for people: the last closed windows, as plain values."""
