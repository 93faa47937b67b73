"""Where agents of sweeps run: on this machine, in Slurm, and wherever a plug-in puts them.

A launcher keeps `interface.Launcher` and is found by its name in the entry point group
`steelyard.launchers`; `steelyard.testing.launchers` has the tests that all of them pass.
"""
