"""Instance metadata: the documents of the metadata service and of the config drive."""
