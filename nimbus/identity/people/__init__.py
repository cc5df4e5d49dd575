"""Users, groups and projects, whether users may log in now, and those that a directory keeps."""
