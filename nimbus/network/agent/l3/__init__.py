"""Routers in namespaces of their own."""
