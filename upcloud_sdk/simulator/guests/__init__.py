"""What runs inside simulated servers: processes, or machines of qemu, and what they are told."""
