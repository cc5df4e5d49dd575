"""Federation: users who log in elsewhere, at identity providers, and what mappings make of them here.

`providers`, `protocols`, `mappings` and `service_providers` are the nouns an administrator writes; `rules` turns an
assertion into a user and groups, `bearer` and `front` are the two ways in which an assertion arrives, `login` is the
method of logging in and `shadows` keeps the users it finds.  Tables: see `models`.
"""
