# Sources of src/base.
libscpengine_a_SOURCES += \
	src/base/child.c src/base/child.h src/base/clock.c src/base/clock.h src/base/crc32c.c src/base/crc32c.h src/base/fs.c src/base/fs.h src/base/hash.c src/base/hash.h \
	src/base/json.c src/base/json.h src/base/jsonl.c src/base/jsonl.h src/base/log.c src/base/log.h src/base/mem.c src/base/mem.h \
	src/base/machine.h src/base/memlimit.c src/base/memlimit.h \
	src/base/names.c src/base/progress.c src/base/progress.h src/base/rng.c src/base/rng_words.c src/base/rng.h src/base/rng_key.h \
	src/base/sha256.c src/base/sha256.h src/base/sums.c src/base/sums.h src/base/sig.c src/base/sig.h src/base/status.c src/base/status.h src/base/str.c src/base/str.h \
	src/base/team.c src/base/team.h src/base/version.c src/base/version.h

# revision.h: what is being built; rewritten only when it changes. A tarball has no revision.
comma = ,
BUILT_SOURCES += revision.h
CLEANFILES += revision.h
src/base/version.$(OBJEXT): revision.h
revision.h: FORCE
	@rev=unknown; if test -e '$(top_srcdir)/.git'; then \
	  rev=`cd '$(top_srcdir)' && git describe --always --dirty 2>/dev/null || echo unknown`; fi; \
	libs=; for l in hdf5-openmpi openblas yaml-0.1 jansson gsl libxxhash libdeflate libisal; do \
	  v=`$(PKG_CONFIG) --modversion $$l 2>/dev/null` && libs="$$libs$${libs:+, }$$l $$v"; done; \
	{ echo "#define SCP_REVISION \"$$rev\""; \
	  echo '#define SCP_BUILD_CC "$(CC)"'; \
	  echo '#define SCP_BUILD_CFLAGS "$(strip $(SCP_EXTRA_FLAGS) $(CFLAGS))"'; \
	  echo '#define SCP_BUILD_BACKENDS "ref, cpu$(if $(CUDA_LIBS),$(comma) cuda)"'; \
	  echo "#define SCP_BUILD_LIBS \"$$libs\""; } >$@.tmp; \
	if cmp -s $@.tmp $@; then rm -f $@.tmp; else mv $@.tmp $@; fi
FORCE:
.PHONY: FORCE
