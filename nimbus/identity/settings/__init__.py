"""Identity's configuration as value objects, which are passed down; nothing here reads the database."""
