"""Images and their members."""
