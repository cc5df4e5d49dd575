"""Routers, their gateways and routes, and floating IPs."""
