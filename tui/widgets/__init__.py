"""Widgets: they draw what they are given and do no input or output."""
