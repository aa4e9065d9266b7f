"""The source `sample`: fictional listings that look like Craigslist's."""
