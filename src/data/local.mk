# Sources of src/data.
