"""A page of Buildbot's web interface: running and past servers, and their costs."""
