"""The command ``likewise``, also as ``python -m likewise_server``.

The package's scripts are installed with the client alone too. There the service's parts are missing, and
this says how to get them.
"""

import sys


def main() -> None:
    """Run the command; exit with 1 and a hint where the [server] extra is not installed."""
    try:
        from likewise_server.cli.app import app
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0].startswith("likewise"):
            raise  # a fault of ours, and no extra would mend it
        sys.exit(
            f"likewise: only the client is installed (there is no module {error.name!r}).\n"
            "For the service and this command: pip install 'likewise[server]'"
        )
    app()


if __name__ == "__main__":
    main()
