"""Building encoders: needs the extra ``likewise[models]``, which no server does."""
