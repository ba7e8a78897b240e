# Sources of tests/diffusion.
check_PROGRAMS += tests/diffusion/schedule.t tests/diffusion/guidance.t tests/diffusion/random.t
TESTS += tests/diffusion/schedule.t tests/diffusion/guidance.t tests/diffusion/random.t
tests_diffusion_schedule_t_SOURCES = tests/diffusion/schedule.c
tests_diffusion_schedule_t_LDADD = libscptest.a $(LDADD)
tests_diffusion_guidance_t_SOURCES = tests/diffusion/guidance.c
tests_diffusion_guidance_t_LDADD = libscptest.a $(LDADD)
tests_diffusion_random_t_SOURCES = tests/diffusion/random.c
tests_diffusion_random_t_LDADD = libscptest.a $(LDADD)
check_PROGRAMS += tests/diffusion/generate.t
TESTS += tests/diffusion/generate.t
tests_diffusion_generate_t_SOURCES = tests/diffusion/generate.c
tests_diffusion_generate_t_LDADD = libscptoy.a libscptest.a $(LDADD)
