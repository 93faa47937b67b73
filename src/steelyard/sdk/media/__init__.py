"""Media: images, sounds, films, pages and models that are logged as files with a value in JSON.

The JSON is the official client's, so that runs and artifacts of both look the same.
"""
