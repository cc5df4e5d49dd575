"""Images' bytes: uploaded, examined, sent."""
