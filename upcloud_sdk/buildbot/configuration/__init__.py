"""What `master.cfg` and a build say, and what is created from it: servers, cloud-init documents, builders."""
