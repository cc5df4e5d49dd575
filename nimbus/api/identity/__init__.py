"""Keystone v3 on the wire."""
