"""A local language model, optional and off: asked aside about what would be an ASK, believed by its record.

Nothing here is on the way of an answer. See docs/language-model.md for what is sent, to whom, and what
becomes of it.
"""
