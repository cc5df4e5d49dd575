"""Runs unmodified tempest against a cloud of devstack's, and holds it to the lists beside this file."""
