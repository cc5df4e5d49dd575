"""The Identity API: Keystone v3 over HTTP."""
