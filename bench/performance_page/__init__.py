"""The page docs/performance.md, made from what the benchmarks measured.

    results.py   the JSON of each benchmark, and the command that makes it
    goals.py     what was to be reached, what was, and what is missing
    sections.py  the page's tables of latency, peers, steps and accuracy
    scaling.py   how figures grow, and what breaks first
    page.py      the page and its drawings

The same results give the same bytes. What is missing is said to be missing.
"""
