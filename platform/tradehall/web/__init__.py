"""Clothes of the one door (网页): the JSON API, the live hall and the public pages."""
