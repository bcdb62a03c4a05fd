"""Plain text for terminals, pipes and logs: tables, progress lines, moments. No colours, no cursor tricks but one."""
