"""Volumes, their attachments, and how far work on them is."""
