"""OAuth 1.0a and 2 over HTTP."""
