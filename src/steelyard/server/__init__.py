"""The server. Before anything here loads numpy: its linear algebra takes one thread."""

import os

# The matrices of a search are small, and there are worker threads enough. On two cores that others
# use, too, threads that wait for each other took 49 s of CPU for a model that takes 0.4 s on one.
# Whoever sets it keeps theirs.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # noqa: TID251  # numpy's setting, not ours
