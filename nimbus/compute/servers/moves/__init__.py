"""Servers that get another size or host."""
