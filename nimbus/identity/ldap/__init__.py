"""LDAP directories of users and groups, and the configuration of a domain's own directory."""
