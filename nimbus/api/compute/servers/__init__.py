"""Servers, their actions, interfaces, volumes, metadata and tags over HTTP."""
