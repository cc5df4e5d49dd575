"""What agents and the conductor tell each other: errands, reports, heartbeats."""
