"""Everything to one offline page."""
