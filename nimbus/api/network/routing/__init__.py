"""Routers and floating IPs over HTTP."""
