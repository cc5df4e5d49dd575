"""What the ranges of subnets are allocated from: pools, and the address scopes these are in."""
