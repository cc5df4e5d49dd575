"""The path of guests' requests to the metadata API."""
