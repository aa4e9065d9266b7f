"""What a source raises."""


class SourceError(ValueError):
    """Listings could not be read; the message names the place and says what to do."""
