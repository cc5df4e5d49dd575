"""Snapshots of volumes over HTTP."""
