"""Rules that a tenant's bookkeeper has laid down; they come before all that was learned.

rule.py      a rule as a value: its conditions, its labels, what is wrong with it
plain.py     conditions as JSON has them
folding.py   how the wordings of rules and of transactions are made comparable
matcher.py   the conditions of all rules, compiled: which rules a transaction is as
kept.py      a rule as it is kept: its labels by number, with its record
rulebook.py  the rules over a chart: which rule decides, and how sure that is
record.py    how often each was right, by the entries
trial.py     a dry run against history
mining.py    suggestions
"""
