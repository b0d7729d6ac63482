"""A backtest as one HTML file: it needs no network, no JavaScript and no other file.

    Backtest -> verdict (sentences), tables (cells of text), plots (SVG) -> templates -> one file

Each part is made from the values of ``backtest/result.py`` alone, so the same result gives the same bytes.
"""
