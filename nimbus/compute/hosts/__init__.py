"""Hypervisors, host aggregates and availability zones."""
