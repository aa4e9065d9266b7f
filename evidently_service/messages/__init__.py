"""Messages about incidents, through Apprise to the receivers in ALERT_URLS_FILE."""
