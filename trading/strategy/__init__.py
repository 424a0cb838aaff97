"""What decides to trade: the strategies, and the trader that runs one of them."""
