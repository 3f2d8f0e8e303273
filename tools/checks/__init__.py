"""Checks that take longer than a test, and that anyone can run again."""
