"""Tables: rows of typed columns, with media in their cells."""
