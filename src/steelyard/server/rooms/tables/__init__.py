"""The engine behind the table viewer: files shown as tables, asked in a process of their own."""
