"""Servers and what belongs to them: flavors, key pairs, aggregates, actions and the guests that hosts run for them.

Served by nimbus-api; nimbus-compute is its agent beside the hypervisor.  Its tables are in `models`.
"""
