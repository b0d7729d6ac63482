"""The parts of bench/overload.py.

flood.py     a load generator that is cheap enough to send several times what a server can answer
place.py     a server with its tenants, and the generator's process
overload.py  more than there is capacity for, for a while, and what comes after
imports.py   one tenant's import beside the calls of others
report.py    what is printed
"""
