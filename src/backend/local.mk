# Sources of src/backend.
