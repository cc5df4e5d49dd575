"""Volumes that are files of a host."""
