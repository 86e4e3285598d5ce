"""One call: sent, repeated, decoded, or an error."""
