# Sources of src/chem.
