"""Which hosts serve a network, what the agent of each must make so, and what it reports."""
