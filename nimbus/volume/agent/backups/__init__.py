"""Backups: what disks held, kept in a store of its own as numbered chunks and a manifest."""
