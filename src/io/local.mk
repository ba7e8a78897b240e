# Sources of src/io.
