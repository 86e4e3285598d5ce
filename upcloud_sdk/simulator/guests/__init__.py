"""Guests of simulated servers: processes or qemu machines, and their metadata."""
