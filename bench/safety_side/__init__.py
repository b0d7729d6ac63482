"""What bench/safety.py is made of."""
