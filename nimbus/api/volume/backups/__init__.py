"""Backups of volumes over HTTP."""
