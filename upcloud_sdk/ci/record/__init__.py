"""The record of servers: written as they live, read after their process has ended, compared with what is up."""
