"""A sweep in a shared directory: agents work for it without a server, `steelyard sync` sends it.

DIR/queue/log/000000000000 …   what was decided, one numbered entry per decision: the sweep
DIR/queue/checkpoint           the sweep as of some entry, so that not all of them are read
DIR/queue/agents/NAME.json     signs of life, each written by its own agent alone
DIR/queue/curves/RUN.json      values of the metric so far, each written by one agent at a time
DIR/queue/drawing.lock         held while a suggestion is computed, to save work and no more
DIR/steelyard/…                the runs: offline runs like any other
"""
