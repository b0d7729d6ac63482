"""The command ``likewise``: one module a subcommand."""
