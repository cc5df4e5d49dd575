"""Servers: how they are asked for, found, changed, and what hangs on them."""
