"""A short main for each daemon."""
