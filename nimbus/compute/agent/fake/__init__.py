"""Guests that exist in memory only."""
