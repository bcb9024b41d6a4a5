"""The commands of `carousel`, by what they do."""
