"""The page docs/accuracy.md, made from what backtests and an ablation measured.

    commands.py   what is run, and how the page names it
    results.py    JSON of backtests, one a source -> one backtest over all, its tenants without names
    figures.py    what is compared, and who has the best of it
    markdown.py   tables, figures and commands as they stand in Markdown
    sections.py   the page's tables
    losses.py     what was to be reached, and where others are ahead
    page.py       the page and its drawings

The same results give the same bytes. No name of a tenant and no word of the books is on the page.
"""
