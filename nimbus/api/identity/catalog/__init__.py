"""Handlers of the catalog, endpoint filters, stored policies and limits."""
