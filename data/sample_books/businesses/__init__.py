"""The businesses, one module each."""

from typing import Final

from sample_books.business import Business
from sample_books.businesses.builder import BUILDER
from sample_books.businesses.cafe import CAFE
from sample_books.businesses.charity import CHARITY
from sample_books.businesses.joinery import JOINERY
from sample_books.businesses.landlord import LANDLORD
from sample_books.businesses.shop import SHOP
from sample_books.businesses.studio import STUDIO

BUSINESSES: Final[tuple[Business, ...]] = (CAFE, STUDIO, LANDLORD, CHARITY, BUILDER, SHOP, JOINERY)

__all__ = ["BUSINESSES"]
