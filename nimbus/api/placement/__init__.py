"""The Placement API, read-only: the scheduler's hosts as resource providers, its claims as allocations."""
