# Sources of src/conf.
