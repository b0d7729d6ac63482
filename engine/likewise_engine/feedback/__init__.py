"""What was answered, what became of it, and whether something has changed since.

``recorder`` keeps answers aside from calls, each as a :class:`Prediction`; a label that a person gives later
is tied to it. ``replay`` makes a recorded decision again. ``report`` counts what became of them, and
``drift`` tells when a tenant is no longer what it was.
"""
