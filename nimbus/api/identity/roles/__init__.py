"""Handlers of roles, role assignments, trusts and application credentials."""
