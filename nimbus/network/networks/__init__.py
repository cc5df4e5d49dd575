"""Networks, subnets and their addresses."""
