"""Tasks: imports of image data that go on beside the requests that asked for them."""
