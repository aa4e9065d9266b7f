"""How long the tables keep their rows: what is archived, what is deleted, and the SQL for both."""
