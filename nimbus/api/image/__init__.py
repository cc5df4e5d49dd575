"""The Image API: Glance's v2."""
