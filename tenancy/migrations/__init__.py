"""The schema's history: each revision is an SQL file, and the Python file beside it only names its order."""
