"""The source `sample`: made-up listings that look like Craigslist's."""
