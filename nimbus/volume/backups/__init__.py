"""Backups of volumes: what a volume had, kept in a store of its own."""
