"""The load generator: a process of its own that sends what it is told, and stops by itself when it does harm."""
