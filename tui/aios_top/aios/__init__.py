"""The only HTTP: AIOS endpoints, wire schema, reader, mutator and inference client."""
