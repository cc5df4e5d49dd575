"""Security groups and what their rules are made of, over HTTP."""
