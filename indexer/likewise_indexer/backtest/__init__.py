"""A tenant's history, replayed through the engine that serves: how often would it have been right?"""
