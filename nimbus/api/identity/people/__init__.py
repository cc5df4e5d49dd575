"""Handlers of users, groups, projects and domains."""
