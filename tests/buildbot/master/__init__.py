"""What the workers of a master share: places, placement, budget, images, record, costs."""
