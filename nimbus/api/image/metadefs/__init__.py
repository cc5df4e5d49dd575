"""Metadata definitions over HTTP: namespaces, objects, properties, tags and types of resources, with their schemas."""
