"""Directories that are asked over LDAP, and what a domain tells of its own."""
