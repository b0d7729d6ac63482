"""The same invented books in many languages."""
