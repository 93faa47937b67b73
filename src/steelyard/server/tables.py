"""Imports every module that declares tables, so that `metadata` is whole."""

import steelyard.server.columns.tables
import steelyard.server.rooms.accounts.tables
import steelyard.server.rooms.artifacts.tables
import steelyard.server.rooms.costs.tables
import steelyard.server.rooms.files.tables
import steelyard.server.rooms.projects.tables
import steelyard.server.rooms.runs.tables
import steelyard.server.rooms.sweeps.tables  # noqa: F401
