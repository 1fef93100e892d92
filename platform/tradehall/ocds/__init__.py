"""
The OCDS bridge (开放合同数据互通): a published case as an OCDS 1.1 package, and such packages as drafts.

Pure: records in, JSON out. What a record tells and when it became public is decided here a second time, whatever the
caller shows, so that no package can tell of bids before the opening.
"""
