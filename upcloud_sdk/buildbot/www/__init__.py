"""A page of Buildbot's web interface: the servers that are up, and what they did and cost."""
