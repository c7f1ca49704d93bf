"""The embedded AIOS: real HTTP services on loopback over the simulator."""
