"""The parts of bench/scale.py: what is measured at each step, and the law that the steps follow.

    sizes.py    the steps, and how long each is measured
    world.py    what all parts share: tenants of given sizes, the generator's process
    labels.py   Classify, memory and recall against the labels of one tenant
    tenants.py  start, memory and Classify against the tenants on disk
    cold.py     the first touch of a cold tenant against its labels
    bulk.py     indexing from Parquet against rows
    law.py      growth exponents
    plots.py    drawings of a document
    report.py   what is printed of it

Each of the four gives a part of the document: its steps, smallest first, and the laws that they follow.
"""
