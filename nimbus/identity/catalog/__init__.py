"""Regions, services and endpoints, endpoint filters, service providers, policies and limits."""
