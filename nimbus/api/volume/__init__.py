"""The volume API, as Cinder's clients know it."""
