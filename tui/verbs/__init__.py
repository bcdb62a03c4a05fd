"""The verbs of the `rollset` command, one file for each family of verbs."""
