# Sources of data-prep.
