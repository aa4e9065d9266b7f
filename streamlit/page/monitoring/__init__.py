"""The page Monitoring: what GET /monitoring answers, in sentences, charts and tables."""
