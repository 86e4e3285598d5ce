"""What the workers of a master share: number of servers, placement, record, costs, images."""
