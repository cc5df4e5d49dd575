"""OAuth 1.0a tokens, and OAuth 2 clients that show a certificate."""
