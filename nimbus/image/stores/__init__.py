"""Where image bytes lie."""
