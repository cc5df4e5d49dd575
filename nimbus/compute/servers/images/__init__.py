"""What servers become images of, and come back from."""
