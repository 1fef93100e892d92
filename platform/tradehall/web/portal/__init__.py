"""
Public pages (门户): view models in, finished HTML out.

``views`` says what a page shows, ``paths`` where it lives, ``render`` turns one into text. Nothing here asks the desk,
reads a clock or knows a rule: whoever wires the routes fills a view model and sends ``render(page, …)``.
"""
