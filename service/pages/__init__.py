"""The HTML pages: the form and the API documentation."""
