"""Downloads: image data that is fetched from addresses that users name."""
