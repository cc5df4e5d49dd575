"""What operators run: nimbus-manage and nimbus-status."""
