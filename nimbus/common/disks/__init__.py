"""Disk images as files, for whoever takes them in."""
