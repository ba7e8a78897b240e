# Sources of src/diffusion.
