# Job scripts, installed in $(pkgdatadir)/slurm, and recipes of package managers.
dist_slurm_SCRIPTS += slurm/prep.sh slurm/vae.sh slurm/train.sh slurm/eval.sh slurm/predict.sh slurm/ablate.sh \
	slurm/sweep.sh slurm/baselines.sh slurm/report.sh slurm/pipeline.sh
dist_slurm_DATA += slurm/lib.sh slurm/job.sh slurm/data.sh
EXTRA_DIST += slurm/site.conf slurm/modulefile.in slurm/scppdm.def slurm/scppdm-cuda.def build-aux/image.sh \
	slurm/spack/package.py slurm/easybuild/scppdm-0.1.0-foss-2023a.eb \
	slurm/easybuild/scppdm-0.1.0-foss-2023a-CUDA-12.1.1.eb slurm/easybuild/oneDNN-3.3-GCC-12.3.0.eb

moduledir = $(datadir)/modulefiles/$(PACKAGE)
CLEANFILES += slurm/modulefile
all-local: slurm/modulefile
slurm/modulefile: slurm/modulefile.in Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && sed -e 's|@prefix[@]|$(prefix)|g' -e 's|@VERSION[@]|$(VERSION)|g' \
		$(top_srcdir)/slurm/modulefile.in >$@.tmp && mv $@.tmp $@

# A site file that was edited stays, at installing and uninstalling.
install-data-local: slurm/modulefile
	$(MKDIR_P) '$(DESTDIR)$(moduledir)' '$(DESTDIR)$(slurmdir)'
	$(INSTALL_DATA) slurm/modulefile '$(DESTDIR)$(moduledir)/$(VERSION)'
	test -e '$(DESTDIR)$(slurmdir)/site.conf' || \
		$(INSTALL_DATA) $(top_srcdir)/slurm/site.conf '$(DESTDIR)$(slurmdir)/site.conf'

uninstall-local:
	rm -f '$(DESTDIR)$(moduledir)/$(VERSION)'
	if cmp -s $(top_srcdir)/slurm/site.conf '$(DESTDIR)$(slurmdir)/site.conf'; then \
		rm -f '$(DESTDIR)$(slurmdir)/site.conf'; fi

# Folders that are ours alone go when they are empty.
uninstall-hook:
	for dir in '$(slurmdir)' '$(confdir)' '$(drugsdir)' '$(pkgdatadir)' '$(pkglibexecdir)' '$(moduledir)'; do \
		test ! -d "$(DESTDIR)$$dir" || rmdir "$(DESTDIR)$$dir" 2>/dev/null || \
		echo "$(DESTDIR)$$dir is kept: it holds other files"; \
	done
