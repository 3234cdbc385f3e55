# SPDX-License-Identifier: MIT
# hkbench must call malloc as written: no builtin that would leave out a pair.
noinst_PROGRAMS += hkbench
hkbench_CFLAGS = $(AM_CFLAGS) -fno-builtin-malloc -fno-builtin-calloc -fno-builtin-realloc -fno-builtin-free
hkbench_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tools/bench
hkbench_SOURCES = tools/bench/hkbench.c tools/bench/hkbench.h tools/bench/runner.c tools/bench/scenarios.h tools/bench/large.c \
	tools/bench/ring.h tools/bench/single.c tools/bench/mixes.c tools/bench/json.c tools/bench/build.c \
	tools/bench/trees.c tools/bench/lru.c tools/bench/threads.c tools/bench/servers.c tools/bench/sharing.c
hkbench_LDADD = -lpthread

noinst_PROGRAMS += hkbench_cxx
hkbench_cxx_CFLAGS = $(hkbench_CFLAGS)
hkbench_cxx_CXXFLAGS = -std=gnu++17 -Wall -Wextra -Wpedantic -Wshadow $(SAN_CFLAGS) -fno-builtin-malloc -fno-builtin-free
hkbench_cxx_CPPFLAGS = $(hkbench_CPPFLAGS)
hkbench_cxx_SOURCES = tools/bench/containers.cc tools/bench/runner.c tools/bench/hkbench.h

noinst_PROGRAMS += hkbench_learn
hkbench_learn_CFLAGS = $(hkbench_CFLAGS)
hkbench_learn_CPPFLAGS = $(hkbench_CPPFLAGS)
hkbench_learn_SOURCES = tools/bench/learning.c tools/bench/runner.c tools/bench/hkbench.h
hkbench_learn_LDADD = -lpthread

noinst_PROGRAMS += hkrun
hkrun_SOURCES = tools/bench/hkrun.c
EXTRA_DIST += tools/bench/bench_allocators tools/bench/bench_programs.py tools/bench/RESULTS.md \
	tools/bench/bench_modes.sh tools/bench/analyze_modes.py tools/bench/modes_data.py tools/bench/modes_targets.py \
	tools/bench/modes_figures.py tools/bench/modes_plots.py tools/bench/modes_page.py \
	tools/bench/bench_record.py tools/bench/bench_syscalls.py tools/bench/bench_tables.py \
	tools/bench/bench_door tools/bench/bench_learning tools/bench/learn_programs.py tools/bench/programs/reports.py \
	tools/bench/programs/factors.smt2 tools/bench/programs/hashes.pl tools/bench/programs/joins.sql \
	tools/bench/programs/objects.js tools/bench/programs/objects.lua tools/bench/programs/objects.py \
	tools/bench/programs/objects.rb tools/bench/programs/pages.ps tools/bench/programs/redis.py \
	tools/bench/programs/templates.cc

# What the tables of keys, verbs and counters say for people to read. The results are committed; a test compares them.
check_PROGRAMS += gen-conf gen-man
gen_conf_SOURCES = tools/gen/gen-conf.c tools/gen/mdoc.c tools/gen/mdoc.h
gen_conf_LDADD = libhk_config.la libhk_base.la $(INIH_LIBS)
# The table of verbs is in hakmemctl's main.c. The page speaks of /etc wherever this build has it.
gen_man_SOURCES = tools/gen/gen-man.c tools/gen/mdoc.c tools/gen/mdoc.h src/ctl/main.c
gen_man_CPPFLAGS = $(hakmemctl_CPPFLAGS) -UHK_SYSCONFDIR -DHK_SYSCONFDIR='"/etc"' -Dmain=hk_ctl_main
gen_man_CFLAGS = $(AM_CFLAGS) -Wno-missing-prototypes
gen_man_LDADD = $(hakmemctl_LDADD)
.PHONY: regen
regen: gen-conf$(EXEEXT) gen-man$(EXEEXT)
	./gen-conf ini >hakmem.ini.new
	./gen-conf man $(srcdir)/man/hakmem.ini.5.in >hakmem.ini.5.new
	./gen-man $(srcdir)/man/hakmemctl.1.in >hakmemctl.1.new
	mv hakmem.ini.new $(srcdir)/conf/hakmem.ini
	mv hakmem.ini.5.new $(srcdir)/man/hakmem.ini.5
	mv hakmemctl.1.new $(srcdir)/man/hakmemctl.1
