"""Write the sample books: ``python -m sample_books [FOLDER]``, with ``data`` on the path."""

import argparse
from pathlib import Path

from sample_books.folder import write_folder


def main() -> None:
    """Write all files, by default where the project keeps them."""
    parser = argparse.ArgumentParser(prog="python -m sample_books", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent.parent / "books")
    write_folder(parser.parse_args().folder)


if __name__ == "__main__":
    main()
