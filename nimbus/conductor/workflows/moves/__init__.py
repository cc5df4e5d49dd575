"""Workflows that give servers another size or host."""
