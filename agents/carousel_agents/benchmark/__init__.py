"""Measuring: speed side by side with peers."""
