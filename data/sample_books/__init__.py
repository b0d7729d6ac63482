"""Sample books: invented businesses, the transactions of two years, and how each one's bookkeeper files them.

Everything is made up and follows from one seed. Businesses are described in :mod:`sample_books.businesses`
in the words of :mod:`sample_books.business`; :mod:`sample_books.books` makes rows of them and
:mod:`sample_books.folder` files of the rows.
"""
