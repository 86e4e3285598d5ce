"""A program that creates servers, and its tests: `python -m pytest examples/pytest_suite`."""
