"""Users, groups and projects: their rows, passwords, lockouts, inactivity, and users and groups of LDAP directories."""
