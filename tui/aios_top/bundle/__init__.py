"""The policy on disk: build and inspect the archive, check the registration."""
