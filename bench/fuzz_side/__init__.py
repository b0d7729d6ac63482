"""Parts of bench/fuzz.py: what makes bad inputs, what takes them, and what watches."""
