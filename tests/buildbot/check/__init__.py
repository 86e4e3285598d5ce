"""`python -m upcloud_sdk.buildbot check`, and messages about a guest that does not attach."""
