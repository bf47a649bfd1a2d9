"""The directory of a run: its record and the results of its tasks, for a later attempt to take."""
