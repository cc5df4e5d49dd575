"""The catalog, its filters, stored policies and limits over HTTP."""
