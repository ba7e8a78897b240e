# Manual pages and shell completion come from the option tables of the programs themselves.
EXTRA_DIST += doc/cluster.md doc/decisions.md doc/equations.md doc/gpu.md doc/metrics.md doc/reliability.md
dist_man_MANS += doc/man/scppdm-shard.5 doc/man/scppdm-config.5 doc/man/scppdm-ckpt.5
EXTRA_DIST += doc/synthetic.md
bashcompdir = $(datadir)/bash-completion/completions
man1_MANS = $(bin_PROGRAMS:%=doc/man/%.1)
bashcomp_DATA = $(bin_PROGRAMS:%=doc/completion/%)
CLEANFILES += $(man1_MANS) $(bashcomp_DATA)

$(man1_MANS): doc/man/%.1: %
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(NO_LEAKS) ./$< --help-man >$@.tmp && mv $@.tmp $@

$(bashcomp_DATA): doc/completion/%: %
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(NO_LEAKS) ./$< --completion >$@.tmp && mv $@.tmp $@
