"""Handlers of authentication, tokens, credentials and revocation events."""
