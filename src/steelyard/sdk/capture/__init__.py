"""What is captured of a process beside what it logs: program, code, packages, machine.

`facts` runs in the user's process and only looks; everything else runs in the sender. What is
captured and how to switch it off: `docs/guides/what-is-captured.md`.
"""
