# SCP_YAML: libyaml, the reader of configuration files.
AC_DEFUN([SCP_YAML], [
SCP_FIND([YAML], [yaml], [libyaml], [yaml-0.1], [-lyaml])
SCP_LINK([YAML], [libyaml], [[#include <yaml.h>]], [[yaml_parser_t p; return yaml_parser_initialize(&p)]],
    [], [SCP_MISSING([libyaml], [libyaml-dev], [--with-yaml=DIR])])
])
