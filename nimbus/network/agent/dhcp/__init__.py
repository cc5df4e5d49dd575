"""Addresses and names for guests."""
