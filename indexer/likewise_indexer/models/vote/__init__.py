"""Training the vote: books -> recorded evidence -> trees -> an ONNX model that the engine serves.

    books.py    files of labelled rows, by source and tenant
    replay.py   which rows of a tenant are asked, and what may be known when they are
    record.py   the evidence that the engine has for each of them, kept in files

Recording needs no more than the indexer does; training needs the extra ``likewise[models]``.
"""
