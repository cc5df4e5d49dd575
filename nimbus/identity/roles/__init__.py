"""Roles, role assignments, and their delegation: trusts, application credentials and access rules."""
