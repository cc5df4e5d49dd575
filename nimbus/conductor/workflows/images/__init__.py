"""Workflows that turn servers into images, and images into servers again."""
