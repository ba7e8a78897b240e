# Sources of src/eval.
