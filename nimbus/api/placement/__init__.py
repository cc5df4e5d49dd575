"""The Placement API, for reading: the scheduler's hosts and claims in the shape that the field's tools expect."""
