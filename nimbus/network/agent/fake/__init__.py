"""Networks that exist in memory only."""
