"""The schema of the SQLite store: numbered SQL files and what applies them."""
