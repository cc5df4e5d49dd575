"""Servers and what hangs on them over HTTP."""
