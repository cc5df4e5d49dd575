"""OAuth 1.0a consumers and tokens, and OAuth 2 clients that authenticate with a certificate."""
