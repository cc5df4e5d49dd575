"""Measures a running cloud from outside; each script prints one JSON line a test and asserts nothing."""
