"""Serves the simulator: calls with faults, the httpx transport, HTTP, and the control API for tests."""
