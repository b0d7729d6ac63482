"""Who may call, and how often: certificates, tokens and scopes."""
