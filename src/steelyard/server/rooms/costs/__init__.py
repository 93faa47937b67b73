"""Costs: what an hour of a machine is priced at, and from that what runs cost."""
