"""Roles, assignments, trusts and application credentials over HTTP."""
