"""The only HTTP client: endpoints, wire schemas, the read list, the one sender of changes, inference."""
