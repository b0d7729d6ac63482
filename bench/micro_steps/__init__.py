"""The parts of bench/micro.py.

prepared.py  a tenant and questions to it, and how far each question has come at every step
steps.py     the steps that are timed
"""
