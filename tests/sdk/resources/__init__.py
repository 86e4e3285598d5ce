"""The namespaces: a method an operation of the API."""
