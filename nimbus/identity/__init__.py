"""Identity: domains, projects, users, groups, roles, tokens and the catalog.

Served by nimbus-identity; every other API holds a `tokens.Validator` and checks
tokens in its own process.  Tables: see `models`.  A change that invalidates
tokens, or what is cached of them, adds a row to `revocations` in the same
transaction; every validator reads it within half a second.
"""
