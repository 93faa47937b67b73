"""The query API: what scripts read of runs, files, projects and artifacts, and change there."""
