# Sources of tests/train.
check_LIBRARIES += libscptoy.a
libscptoy_a_SOURCES = tests/train/screen.h tests/train/screen.c tests/model/toy.h tests/model/toy.c \
	tests/train/runs.h tests/train/runs.c
check_PROGRAMS += tests/train/ranks.mpi tests/train/resume.mpi
TESTS += tests/train/ranks.mpi tests/train/resume.mpi
tests_train_resume_mpi_SOURCES = tests/train/resume.c
tests_train_resume_mpi_LDADD = libscptoy.a libscptest.a $(LDADD)
tests_train_ranks_mpi_SOURCES = tests/train/ranks.c
tests_train_ranks_mpi_LDADD = libscptoy.a libscptest.a $(LDADD)
check_PROGRAMS += tests/train/make_screen
tests_train_make_screen_SOURCES = tests/train/make_screen.c
tests_train_make_screen_LDADD = libscptoy.a $(LDADD)
check_PROGRAMS += tests/train/loop.t
TESTS += tests/train/loop.t
tests_train_loop_t_SOURCES = tests/train/loop.c
tests_train_loop_t_LDADD = libscptoy.a libscptest.a $(LDADD)
check_PROGRAMS += tests/train/stages.t
TESTS += tests/train/stages.t
tests_train_stages_t_SOURCES = tests/train/stages.c
tests_train_stages_t_LDADD = libscptoy.a libscptest.a $(LDADD)
dist_check_SCRIPTS += tests/train/programs.sh
TESTS += tests/train/programs.sh
dist_check_SCRIPTS += tests/train/baselines.sh tests/train/ablate.sh
TESTS += tests/train/baselines.sh tests/train/ablate.sh
LONG_TESTS += tests/train/ranks.mpi
check_PROGRAMS += tests/train/choose.t
TESTS += tests/train/choose.t
tests_train_choose_t_SOURCES = tests/train/choose.c
tests_train_choose_t_LDADD = libscptoy.a libscptest.a $(LDADD)
check_PROGRAMS += tests/train/stepper.mpi
TESTS += tests/train/stepper.mpi
tests_train_stepper_mpi_SOURCES = tests/train/stepper.c tests/train/small_net.h tests/train/small_net.c \
	tests/dev/deferred.h tests/dev/deferred.c
tests_train_stepper_mpi_LDADD = libscptoy.a libscptest.a $(LDADD)
# Faults at chosen calls: the program itself, with these calls wrapped.
check_PROGRAMS += tests/train/killed_train
tests_train_killed_train_SOURCES = mpi/scppdm_train.c tests/train/killer.c
tests_train_killed_train_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=write,--wrap=fsync,--wrap=rename,--wrap=unlink,--wrap=clock_gettime,--wrap=time
dist_check_SCRIPTS += tests/train/kills.sh
TESTS += tests/train/kills.sh
LONG_TESTS += tests/train/kills.sh
dist_check_SCRIPTS += tests/train/faults.sh tests/train/faults_ranks.sh tests/train/elastic.sh
TESTS += tests/train/faults.sh tests/train/faults_ranks.sh tests/train/elastic.sh
EXTRA_DIST += tests/train/faults_lib.sh tests/train/tiny.sh
check_PROGRAMS += tests/train/damage.t
TESTS += tests/train/damage.t
LONG_TESTS += tests/train/damage.t
tests_train_damage_t_SOURCES = tests/train/damage.c
tests_train_damage_t_LDADD = libscptoy.a libscptest.a $(LDADD)
check_PROGRAMS += tests/train/record.t
TESTS += tests/train/record.t
tests_train_record_t_SOURCES = tests/train/record.c
tests_train_record_t_LDADD = libscptest.a $(LDADD)
EXTRA_DIST += tests/golden/make_tfevents_golden.py tests/golden/events.out.tfevents.golden
