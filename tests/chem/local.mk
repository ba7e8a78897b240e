# Sources of tests/chem.
