"""`python -m upcloud_sdk.buildbot check`, and what it and the worker say of a guest that does not come."""
