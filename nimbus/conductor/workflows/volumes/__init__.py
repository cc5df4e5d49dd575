"""What is done with volumes, detached from any server."""
