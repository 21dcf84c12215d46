"""The Draw page's parts."""
