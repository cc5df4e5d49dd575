"""Ports: made, changed, seen, and given to servers."""
