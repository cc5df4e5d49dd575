"""What a cloud has from its beginning, as a file: checked, planted over the REST APIs, and written of a cloud."""
