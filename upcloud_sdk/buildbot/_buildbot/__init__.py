"""Buildbot's own names, with types; what it has no public name for; the thread on which the SDK runs."""
