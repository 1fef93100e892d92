"""Guarantors 开立人: adapters that ask for and issue guarantee letters."""
