"""Policies by which projects share networks, address ranges and groups with others."""
