"""Identity: domains, projects, users, groups, roles, tokens and the catalog.

Served by nimbus-identity; every other API holds a `tokens.Validator` and checks
tokens in its own process.  Tables: see `models`.  A change that makes a token,
or what is known of it, wrong is told by a row of `revocations` in the same
transaction, which every validator reads within half a second.
"""
