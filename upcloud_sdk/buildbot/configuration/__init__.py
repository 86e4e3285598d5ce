"""Reads the arguments of `master.cfg` and of a build, and makes specs, cloud-init documents and builders from them."""
