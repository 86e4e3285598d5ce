"""The account as it lives: what is on sale, what goes on, what is used and paid, who may call."""
