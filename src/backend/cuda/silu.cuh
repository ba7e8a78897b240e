/* SiLU: x, and dy of its result. */
#ifndef SCP_BACKEND_CUDA_SILU_CUH
#define SCP_BACKEND_CUDA_SILU_CUH

struct scp_silu {
    __device__ float operator()(float x, float) const
    {
        return x / (1.0f + expf(-x));
    }
};
struct scp_silu_grad {
    __device__ float operator()(float x, float dy) const
    {
        const float s = 1.0f / (1.0f + expf(-x));
        return dy * s * (1.0f + x * (1.0f - s));
    }
};

#endif
