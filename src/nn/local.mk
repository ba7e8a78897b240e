# Sources of src/nn.
