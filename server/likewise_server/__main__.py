"""The command ``likewise``, also as ``python -m likewise_server``.

The package's scripts are installed with the client alone too, and where nothing could be compiled. There the
service's parts are missing, and this says how to get them.
"""

import sys
from importlib.resources import files


def main() -> None:
    """Run the command; exit with 1 and a hint where parts of the service are not installed."""
    try:
        from likewise_server.cli.app import app

        app()
    except ModuleNotFoundError as error:
        if error.name is not None and _is_kernel(error.name):
            sys.exit(
                f"likewise: {error.name} was not compiled when likewise was installed.\n"
                "Install a C++ compiler and Python's headers (on Debian and Ubuntu: g++ and python3-dev), "
                "and then likewise once more."
            )
        if error.name is None or error.name.partition(".")[0].startswith("likewise"):
            raise  # a fault of ours, and no extra would mend it
        sys.exit(
            f"likewise: only the client is installed (there is no module {error.name!r}).\n"
            "For the service and this command: pip install 'likewise[server]'"
        )


def _is_kernel(module: str) -> bool:
    package, *path = module.split(".")
    return package == "likewise_engine" and files(package).joinpath("/".join(path) + ".pyx").is_file()


if __name__ == "__main__":
    main()
