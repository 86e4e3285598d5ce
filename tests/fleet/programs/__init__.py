"""Whole programs: what they make, how they end, and answers that no API should give."""
