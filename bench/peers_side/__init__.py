"""The parts of bench/peers.py: books for all, one module a system, a process for each, the run, a report."""
