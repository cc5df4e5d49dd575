"""Metadata definitions: which properties and tags resources may have, what they mean and which values they take."""
