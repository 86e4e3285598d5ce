"""Buildbot's names with types, its private parts that the adapter needs, and the thread on which the SDK runs."""
