"""Nouns and the verdict 内核: what the hall is made of; imports nothing of the platform."""
