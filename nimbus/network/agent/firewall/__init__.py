"""Security groups as packet filters: chains, sets and connection tracking."""
