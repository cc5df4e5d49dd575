"""Policies by which projects share things with others, over HTTP."""
