"""Servers: create, find, update and delete them, with their tags, metadata, ports and volumes."""
