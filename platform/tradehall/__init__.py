"""Tradehall 阳光交易大厅: public-resource trading, sealed bidding, remote evaluation and proof."""
