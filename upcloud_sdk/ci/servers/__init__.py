"""The servers of jobs: which are possible, how many, one from create to destroy, and what is recorded of it."""
