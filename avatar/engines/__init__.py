"""Other ways from photos to a shape than our own fit, behind one small interface; all off unless configured."""
