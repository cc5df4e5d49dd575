"""What a guest is told about itself."""
