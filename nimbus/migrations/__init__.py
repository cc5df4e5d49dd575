"""The one line of schema changes: each file one change, expand before contract."""
