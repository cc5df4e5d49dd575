"""Federation: users authenticate at external identity providers, and mappings turn their assertions into local users.

`providers`, `protocols` and `mappings` are the nouns an administrator writes; `rules` evaluates a mapping on an
assertion, `bearer` and `front` read assertions from a request, `login` is the authentication method and `shadows`
stores the users.  Tables: see `models_federation`.
"""
