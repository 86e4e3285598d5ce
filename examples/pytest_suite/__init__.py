"""A program that makes servers, and the tests of it: `python -m pytest examples/pytest_suite`."""
