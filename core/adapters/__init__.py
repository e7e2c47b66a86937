"""The ports' real implementations. Foreign exceptions end here."""
