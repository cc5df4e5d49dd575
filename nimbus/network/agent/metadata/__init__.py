"""Guests' way to the metadata API."""
