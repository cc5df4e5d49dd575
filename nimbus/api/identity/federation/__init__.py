"""Handlers of federation and SAML."""
