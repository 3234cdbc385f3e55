dist_check_SCRIPTS += tests/policy/check-config-alloc.sh
TESTS += tests/policy/check-config-alloc.sh
