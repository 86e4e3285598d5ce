"""The arguments of a worker, and the server and guest made from them."""
