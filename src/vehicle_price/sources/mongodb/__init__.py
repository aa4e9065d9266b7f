"""The source `mongodb`: read a collection of listings, or fill one from a file."""
