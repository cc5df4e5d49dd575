"""What agents and the conductor exchange: errands, reports and heartbeats."""
