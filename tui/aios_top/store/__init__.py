"""The only files: configuration, audit log, paths."""
