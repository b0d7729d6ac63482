"""Training the vote: books -> recorded evidence -> trees -> an ONNX model that the engine serves.

    replay.py     which rows of a book are asked, and what its ledger knows when they are
    recorder.py   asks them, and makes a record of the evidence of each tenant
    record.py     what a record is
    pairs.py      the records of many tenants as one table
    boost.py      trees that maximise the likelihood of each question's answer
    trial.py      how probabilities do: figures, and outcomes to calibrate with
    train.py      chooses how to grow them by leaving out one source at a time, and grows them on all
    ablation.py   what each witness brings: grown again without its features
    graph.py      trees as an ONNX graph
    folder.py     the folder that the engine loads, checked against the trees
    card.py       what people should know of it

The first three need no more than the indexer does; the others need the extra ``likewise[models]``.
"""
