"""Volumes that exist in memory only."""
