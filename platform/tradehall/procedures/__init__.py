"""Procedures (程序): one file, one table. They know nothing of one another."""
