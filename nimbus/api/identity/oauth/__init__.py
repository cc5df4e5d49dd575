"""Handlers of OAuth 1.0a and OAuth 2."""
