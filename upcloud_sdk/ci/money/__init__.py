"""What servers cost: prices, what was spent, what a `Budget` allows, what the bill says."""
