"""Everything that the browser sees. It asks core and draws; it computes nothing."""
