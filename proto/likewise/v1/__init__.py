"""The contract's generated messages and service stubs: ``make stubs`` writes them from the .proto files."""
