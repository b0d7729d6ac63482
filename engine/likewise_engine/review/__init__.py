"""The review of a tenant's own history: probable mistakes, conflicts, categories and payees to tidy up.

Who did what is another matter: :mod:`likewise_engine.audit`.
"""

from likewise_engine.review.finding import Finding, FindingEntry, FindingKind, Review, ReviewOptions
from likewise_engine.review.reviewing import review

__all__ = ["Finding", "FindingEntry", "FindingKind", "Review", "ReviewOptions", "review"]
