# Sources of src/diffusion.
libscppdm_a_SOURCES += src/diffusion/schedule.h src/diffusion/schedule.c \
	src/diffusion/guidance.h src/diffusion/guidance.c src/diffusion/ddim.h src/diffusion/ddim.c \
	src/diffusion/generate.h src/diffusion/generate.c src/diffusion/chain.h src/diffusion/chain.c src/diffusion/net.h src/diffusion/net.c \
	src/diffusion/method.h src/diffusion/method.c src/diffusion/train_graph.c \
	src/diffusion/decode.h src/diffusion/decode.c src/diffusion/latents.h src/diffusion/latents.c src/diffusion/conditions.h src/diffusion/conditions.c \
	src/diffusion/weights.h src/diffusion/weights.c
