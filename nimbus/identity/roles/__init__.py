"""Roles, who has them where, and how they are lent: trusts, application credentials, access rules."""
