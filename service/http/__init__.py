"""HTTP bodies, responses, problems and the middleware around every request."""
