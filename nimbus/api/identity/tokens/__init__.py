"""Logging in, tokens, and the credentials that stand for a password, over HTTP."""
