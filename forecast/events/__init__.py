"""Raw event files of every source to one clean events table, and a ledger of what was cleaned."""
