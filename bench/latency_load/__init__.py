"""The parts of bench/latency.py: a workload, its folder, an open-loop generator, a floor, a report."""
