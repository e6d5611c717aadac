"""Support code that is copied into generated packages as `_runtime`.

Each module is ordinary Python with its own tests. It imports the standard library, the
public libraries that its packages name, and its siblings; it never imports nafgen.
"""
