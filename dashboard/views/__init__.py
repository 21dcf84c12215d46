"""The pages of the lab, a folder each: its page, its code and its words."""
