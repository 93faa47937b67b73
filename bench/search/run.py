"""The search as the server uses it: python -m bench.search.run --out FILE."""

from __future__ import annotations

from bench.search.agents import main

if __name__ == "__main__":
    main()
