"""What runs in the process of its own: the only importer of polars and pillow."""
