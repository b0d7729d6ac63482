"""What bench/soak.py is made of: the callers, what is sampled of the server, and whether it stays flat."""
