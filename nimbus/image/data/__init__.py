"""Image data: upload, import, inspection and download."""
