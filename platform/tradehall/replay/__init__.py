"""
Replay (重放): real sealed bids out of a table, tender by tender, through the same door as everybody's.

``table`` reads, ``profile`` says by which rules, ``cast`` and ``pen`` act, ``tenders`` plays, ``journal`` makes it
resumable, ``comparing`` holds the result against what really happened, ``run`` ties them together.
"""
