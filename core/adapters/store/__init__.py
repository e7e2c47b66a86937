"""The store in a database: SQLite in the data folder, or PostgreSQL. `opening.open_store` is the way in."""
