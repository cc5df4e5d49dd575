"""Hosts, hypervisors, aggregates, availability zones and services over HTTP."""
