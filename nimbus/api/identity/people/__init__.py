"""Users, groups, projects and domains over HTTP."""
