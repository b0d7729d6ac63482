"""The parts of ``bench/crash.py``: servers that are killed, what they were told, and what they still know."""
