"""The parts of the page. `Home.py` puts them together."""
