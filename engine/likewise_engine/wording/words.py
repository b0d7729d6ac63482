"""Tables of words are written as text, and read here."""


def words(*texts: str) -> frozenset[str]:
    """The words of some texts."""
    return frozenset(word for text in texts for word in text.split())
