# Sources of tests/diffusion.
