"""Settings from what somebody's own files hold: `forecast init`."""
