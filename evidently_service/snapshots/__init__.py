"""Pictures of each window for Evidently's pages, drawn from the profiles that were judged."""
