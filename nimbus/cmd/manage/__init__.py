"""The operators' commands nimbus-manage and nimbus-status."""
