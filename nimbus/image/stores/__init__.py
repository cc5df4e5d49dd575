"""Image stores: where image data is kept."""
