"""nafgen compiles Naftiko capability specs into Python packages."""

__version__ = "0.1.0"
