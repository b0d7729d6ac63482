"""What the features mean, for a person."""

from collections.abc import Mapping
from typing import Final

_MEANINGS: Final[Mapping[str, str]] = {
    "similarity_best": "how alike the nearest of its entries is worded",
    "similarity_gap": "how much nearer another candidate's entry is",
    "share_same_payee": "its share of the entries of the same payee",
    "share_same_payee_rival": "the largest share of another candidate among these",
    "is_last_of_payee": "it has the payee's latest entry",
    "is_last_of_payee_and_amount": "it has the payee's latest entry of the same amount",
    "share_same_payee_latest": "its share of the payee's latest entries",
    "share_same_text_latest": "its share of the latest entries worded the same",
    "share_same_amount": "its share of the entries of the same amount",
    "share_same_text_and_amount": "its share of the entries with the same wording and amount",
    "amount_difference_least": "how far off the amount of its nearest entry is",
    "share_same_direction": "how many of its entries went the same way",
    "amount_fit": "how well the amount fits what the category usually has",
    "sign_fit": "how many of the category's amounts have the same sign",
    "category_recent_share": "how much the category was used of late",
    "category_overdue": "how long the category has not been used, against how often it is",
    "regression": "what the entries near by say, likenesses among them allowed for",
    "regression_gap": "by how much that is more than for any other candidate",
    "regression_best": "the most that they say for any candidate",
    "regression_sum": "what they say for all candidates together",
    "regression_explained": "how much of the question the entries near by explain",
    "share_passed_on": "its share once categories have passed on what their successors take",
    "share_passed_on_gap": "by how much that is more than any other candidate's",
    "succession_stay": "how often its payees stayed with it",
    "head": "what the classifier trained on the tenant's own books says",
    "head_gap": "by how much that is more than for any other candidate",
    "head_rank": "how many categories that classifier finds likelier",
    "name_similarity": "how alike the wording and the category's name or description are",
    "name_similarity_gap": "how much nearer another candidate's name is",
    "share_of_dimension": "the category's share of all labels",
}


def meaning_of(feature: str) -> str:
    """A feature in words; its name with spaces where nobody has put it in words yet."""
    return _MEANINGS.get(feature, feature.replace("_", " "))
