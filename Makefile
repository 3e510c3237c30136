# Yingqiao: one non-recursive Makefile. Everything that is made lies under build/ (SAN=1: build/san, TSAN=1: build/tsan).
#
# New sources just drop in:
#   lib/X/*.c, lib/X/*.cc          -> lib/libyq_X.a
#   storescp/ router/ gateway/     -> bin/yq-NAME     (main.c, and an archive of the rest that unit tests can link)
#   gateway/yqctl/                 -> bin/yqctl
#   deploy/supervisor/             -> bin/yq-supervisor
#   tests/unit/X/*.c               -> tests/unit_X    (Criterion)
#   tests/db/*.c                   -> tests/db        (Criterion, against a private ledger: tests/support/with-ledger)
#   tests/migrate/*.c              -> tests/migrate   (Criterion, against a private ledger without any migration)
#   tests/fuzz/X.c, X.cc           -> tests/fuzz_X    (readers of foreign bytes; see tests/fuzz/fuzz.mk)
#   tests/support/*.c              -> linked into every test binary
#   tests/bench/X.c                -> tests/X         (receivers to measure against, without Criterion)
#   tests/peers/X.cc               -> tests/X         (what others would be, made of DCMTK alone)
#   tests/support/powercut/*.c     -> tests/powercut.so (a preload library: what a power cut would leave)
#   gateway/web/                   -> build/web/      (by npm and vite; one for every variant)
#   gateway/web/viewer/            -> build/viewer/   (OHIF as npm has it, fitted to this site; one for every variant)
#   schema/statements/*.sql, schema/migrations/*.sql, docs/openapi.json -> build/gen/
#
# All paths are relative, so that the tree may lie anywhere, blanks included.

.DEFAULT_GOAL := build
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif

# --- settings ------------------------------------------------------------------------------------------------------

ifeq ($(origin CC),default)
CC := $(if $(shell command -v ccache 2>/dev/null),ccache )gcc
endif
ifeq ($(origin CXX),default)
CXX := $(if $(shell command -v ccache 2>/dev/null),ccache )g++
endif
AR := ar
# V=1 shows the whole commands.
ifneq ($(filter 1,$(V))$(findstring s,$(filter-out -%,$(firstword $(MAKEFLAGS)))),)
say =
else
say = @echo "  $(1)$(2)";
endif

B := build
OPTIMIZE := -O2 -D_FORTIFY_SOURCE=2
# What the instruments add to the code misleads the compiler's bounds of numbers, so its guesses at truncation are off.
INSTRUMENTED := -O1 -fno-omit-frame-pointer -Wno-format-truncation -Wno-maybe-uninitialized
ifeq ($(SAN),1)
B := build/san
OPTIMIZE := $(INSTRUMENTED) -fsanitize=address,undefined -fno-sanitize-recover=all
endif
ifeq ($(TSAN),1)
B := build/tsan
OPTIMIZE := $(INSTRUMENTED) -fsanitize=thread
endif
GEN := build/gen

WARNINGS := -Wall -Wextra -Werror -Wformat=2 -Wvla -Wundef -Wpointer-arith -Wwrite-strings -Wcast-align \
	-Wimplicit-fallthrough -Walloca
COMMON := $(OPTIMIZE) -g -fstack-protector-strong -fPIE -pthread -I. -Ibuild -MMD -MP
YQ_CFLAGS := -std=gnu17 -D_GNU_SOURCE $(WARNINGS) -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition $(COMMON)
YQ_CXXFLAGS := -std=gnu++17 $(WARNINGS) $(COMMON)
YQ_LDFLAGS := $(filter -fsanitize%,$(OPTIMIZE)) -pie -pthread -Wl,-z,relro,-z,now -Wl,--as-needed

# DCMTK's own pkg-config file asks for packages that we have no use for, so its libraries are named.
DCMTK_LIBS := -ldcmsr -ldcmdsig -ldcmjpls -ldcmjpeg -ldcmimage -ldcmimgle -ldcmnet -ldcmdata -loflog -lofstd
PACKAGES := libpq libmicrohttpd jansson openssl libcurl pangocairo cairo-pdf libargon2 libqrencode libjpeg libopenjp2 zlib libxxhash icu-i18n icu-uc
# Asked once and late: on a fresh machine pkg-config itself comes with the `packages` step.
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PACKAGES) | sed 's/-I\//-isystem \//g'))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $(shell pkg-config --libs $(PACKAGES)))$(PKG_LIBS)

# --- what there is -------------------------------------------------------------------------------------------------

LIBS := base db dicom http store domain intake transport
sources = $(sort $(wildcard $(1)/*.c) $(wildcard $(1)/*.cc))
objects = $(patsubst %,$(B)/obj/%.o,$(1))

PROGRAMS := yq-storescp:storescp yq-router:router yq-gateway:gateway yqctl:gateway/yqctl yq-supervisor:deploy/supervisor
program_name = $(word 1,$(subst :, ,$(1)))
program_dir = $(word 2,$(subst :, ,$(1)))
PRESENT := $(foreach p,$(PROGRAMS),$(if $(wildcard $(call program_dir,$(p))/main.c),$(p)))

UNIT_DIRS := $(notdir $(patsubst %/,%,$(sort $(dir $(wildcard tests/unit/*/*.c)))))
STATEMENT_FILES := $(sort $(wildcard schema/statements/*.sql))
MIGRATION_FILES := $(sort $(wildcard schema/migrations/*.sql))
GENERATED := $(GEN)/statements.h $(GEN)/statements.c $(GEN)/migrations.h $(GEN)/migrations.c

BINS := $(foreach p,$(PRESENT),$(B)/bin/$(call program_name,$(p)))
BENCHES := $(patsubst tests/bench/%.c,$(B)/tests/%,$(sort $(wildcard tests/bench/*.c)))
# Criterion does not run under ThreadSanitizer: there the programs are tested from end to end (tests/tsan).
TESTS := $(if $(filter 1,$(TSAN)),,$(B)/tests/powercut.so $(UNIT_DIRS:%=$(B)/tests/unit_%) $(if $(wildcard tests/db/*.c),$(B)/tests/db) $(if $(wildcard tests/migrate/*.c),$(B)/tests/migrate) $(patsubst tests/fuzz/%,$(B)/tests/fuzz_%,$(basename $(wildcard tests/fuzz/*.c tests/fuzz/*.cc))))

.PHONY: build test-programs packages generated web FORCE
build: packages generated $(BINS) web ## builds the programs into build/bin/, the browser application into build/web/ and the viewer into build/viewer/
PEERS := $(patsubst tests/peers/%.cc,$(B)/tests/%,$(sort $(wildcard tests/peers/*.cc)))
test-programs: packages build $(TESTS) $(BENCHES) $(PEERS)
generated: $(GENERATED)

# --- archives ------------------------------------------------------------------------------------------------------

# A file with the members of each archive, rewritten when they change: so a removed source leaves its archive, too. What the
# files say is read back from lists.mk, since reading a file with $(file <...) is not reliable in every make.
$(shell mkdir -p $(B)/lib $(B)/bin $(B)/tests $(GEN))
-include $(B)/lists.mk
REMEMBERED :=
define remember
REMEMBERED += $(1)
now_$(1) := $(strip $(2))
ifneq ($$(was_$(1)),$(strip $(2)) .)
$$(file >$(1),$(strip $(2)))
LISTS_CHANGED := yes
endif
endef

# $(1) archive name, $(2) objects
define archive
$(eval $(call remember,$(B)/lib/$(1).list,$(2)))
$(B)/lib/$(1).a: $(2) $(B)/lib/$(1).list
	@rm -f $$@
	$$(call say,AR   ,$$@)$(AR) rcs $$@ $(2)
ALL_OBJECTS += $(2)
endef

$(foreach l,$(LIBS),$(eval $(call archive,libyq_$(l),$(call objects,$(call sources,lib/$(l))) $(if $(filter db,$(l)),$(B)/obj/gen/statements.c.o $(B)/obj/gen/migrations.c.o))))
$(eval $(call archive,libyq_test,$(call objects,$(call sources,tests/support))))
LIB_ARCHIVES := $(LIBS:%=$(B)/lib/libyq_%.a)
LINK_LIBS = -Wl,--start-group $(LIB_ARCHIVES) -Wl,--end-group $(DCMTK_LIBS) $(PKG_LIBS) -lxlsxwriter -lwslay -lm

# --- programs ------------------------------------------------------------------------------------------------------

# $(1) program, $(2) directory
define program
$(eval $(call archive,lib$(1),$(call objects,$(filter-out $(2)/main.c,$(call sources,$(2)))) $(if $(filter gateway,$(2)),$(B)/obj/gen/openapi.c.o)))
ALL_OBJECTS += $(call objects,$(2)/main.c)
$(B)/bin/$(1): $(call objects,$(2)/main.c) $(B)/lib/lib$(1).a $(LIB_ARCHIVES)
	$$(call say,LINK ,$$@)$$(CXX) $$(YQ_LDFLAGS) $$(LDFLAGS) -o $$@ $$< $(B)/lib/lib$(1).a $$(LINK_LIBS)
endef
$(foreach p,$(PRESENT),$(eval $(call program,$(call program_name,$(p)),$(call program_dir,$(p)))))

# --- tests ---------------------------------------------------------------------------------------------------------

# $(1) binary, $(2) directory, $(3) archive of a program under test, if any
define test_program
ALL_OBJECTS += $(call objects,$(call sources,$(2)))
$(eval $(call remember,$(B)/tests/$(1).list,$(call sources,$(2))))
$(B)/tests/$(1): $(call objects,$(call sources,$(2))) $(B)/tests/$(1).list $(3) $(B)/lib/libyq_test.a $(LIB_ARCHIVES)
	$$(call say,LINK ,$$@)$$(CXX) $$(YQ_LDFLAGS) $$(LDFLAGS) -o $$@ $(call objects,$(call sources,$(2))) $(3) $(B)/lib/libyq_test.a $$(LINK_LIBS) -lcriterion
endef
program_archive = $(patsubst %,$(B)/lib/lib%.a,$(foreach p,$(PRESENT),$(if $(filter $(1),$(notdir $(call program_dir,$(p)))),$(call program_name,$(p)))))
$(foreach u,$(UNIT_DIRS),$(eval $(call test_program,unit_$(u),tests/unit/$(u),$(call program_archive,$(u)))))
$(eval $(call test_program,db,tests/db))
$(eval $(call test_program,migrate,tests/migrate,$(call objects,tests/db/ledger.c)))

ALL_OBJECTS += $(call objects,$(call sources,tests/bench))
$(BENCHES): $(B)/tests/%: $(B)/obj/tests/bench/%.c.o $(LIB_ARCHIVES)
	$(call say,LINK ,$@)$(CXX) $(YQ_LDFLAGS) $(LDFLAGS) -o $@ $< $(LINK_LIBS)

ALL_OBJECTS += $(call objects,$(call sources,tests/peers))
$(PEERS): $(B)/tests/%: $(B)/obj/tests/peers/%.cc.o $(LIB_ARCHIVES)
	$(call say,LINK ,$@)$(CXX) $(YQ_LDFLAGS) $(LDFLAGS) -o $@ $< $(LINK_LIBS)

include tests/fuzz/fuzz.mk

# Stands before the C library in other programs: never instrumented, and without the headers' own checks.
$(B)/tests/powercut.so: $(wildcard tests/support/powercut/*) $(B)/flags.list
	$(call say,LINK ,$@)$(CC) $(filter-out $(OPTIMIZE) -fPIE -MMD -MP,$(YQ_CFLAGS)) -O2 -fPIC -shared -o $@ $(filter %.c,$^)

# --- compiling -----------------------------------------------------------------------------------------------------

$(eval $(call remember,$(B)/flags.list,$(YQ_CFLAGS) $(YQ_CXXFLAGS) $(CFLAGS) $(CXXFLAGS) $(CPPFLAGS)))

ifdef LISTS_CHANGED
$(file >$(B)/lists.mk,# What the *.list files say.)
$(foreach r,$(REMEMBERED),$(file >>$(B)/lists.mk,was_$(r) := $(now_$(r)) .))
endif

$(B)/obj/gen/%.c.o: $(GEN)/%.c $(B)/flags.list | packages
	@mkdir -p $(@D)
	$(call say,CC   ,$<)$(CC) $(YQ_CFLAGS) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
$(B)/obj/%.c.o: %.c $(B)/flags.list | packages $(GENERATED)
	@mkdir -p $(@D)
	$(call say,CC   ,$<)$(CC) $(YQ_CFLAGS) $(PKG_CFLAGS) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
$(B)/obj/%.cc.o: %.cc $(B)/flags.list | packages $(GENERATED)
	@mkdir -p $(@D)
	$(call say,CXX  ,$<)$(CXX) $(YQ_CXXFLAGS) $(PKG_CFLAGS) $(CPPFLAGS) $(CXXFLAGS) -c -o $@ $<
-include $(wildcard $(ALL_OBJECTS:.o=.d))

# Made every time (some milliseconds), replaced only when the text changed: so a removed file is noticed, too.
$(GEN)/statements.h $(GEN)/statements.c &: FORCE
	@schema/generate-statements $(GEN) $(STATEMENT_FILES)
$(GEN)/migrations.h $(GEN)/migrations.c &: FORCE
	@schema/generate-migrations $(GEN) $(MIGRATION_FILES)
$(GEN)/openapi.c: FORCE
	@docs/openapi/embed $(GEN) docs/openapi.json
FORCE:

# --- the browser application ------------------------------------------------------------------------------------------

# The list notices a removed source. node_modules is fetched anew when what it should hold changed.
WEB := gateway/web
VIEWER_SOURCES := $(wildcard $(WEB)/viewer/*)
WEB_SOURCES := $(if $(wildcard $(WEB)/vite.config.ts),$(sort $(shell find $(WEB) \( -name node_modules -o -path $(WEB)/tests -o -path $(WEB)/viewer \) -prune -o -type f -print)))
WEB_INSTALLED := $(WEB)/node_modules/.installed
web: $(if $(WEB_SOURCES),build/web.stamp) $(if $(VIEWER_SOURCES),build/viewer.stamp) ## builds only the browser application and the viewer
$(WEB_INSTALLED): $(WEB)/package.json $(WEB)/package-lock.json $(WEB)/.npmrc | packages
	$(call say,NPM  ,$(WEB)/node_modules)deploy/web install
build/web.list: FORCE
	@mkdir -p build; echo $(WEB_SOURCES) | cmp -s - $@ || echo $(WEB_SOURCES) >$@
build/web.stamp: build/web.list $(WEB_SOURCES) $(WEB_INSTALLED)
	$(call say,VITE ,build/web)deploy/web build && touch $@
build/viewer.stamp: $(VIEWER_SOURCES) $(WEB_INSTALLED) | packages
	$(call say,OHIF ,build/viewer)deploy/web viewer && touch $@

# --- the rest ------------------------------------------------------------------------------------------------------

packages:
	@deploy/bootstrap build

# What a recipe starts reads YQ_* from its environment; make hands on what stands on its command line.
.PHONY: run restart stop status walk
run: build ## installs what is missing, builds, starts everything, walks one study through the whole path
	@YQ_BUILD=$(B) deploy/run start
restart: build ## starts the programs anew, one after the other: new settings, new build; no sender of images is refused
	@YQ_BUILD=$(B) deploy/run restart
stop: ## ends what make run started
	@YQ_BUILD=$(B) deploy/run stop
status: ## shows what runs
	@YQ_BUILD=$(B) deploy/run status
walk: ## walks another study through a running installation
	@YQ_BUILD=$(B) deploy/run walk

.PHONY: test test-packages powercut
test-packages:
	@deploy/bootstrap test
$(TESTS): | test-packages
$(filter $(B)/obj/tests/%,$(ALL_OBJECTS)): | test-packages
test: test-packages test-programs ## installs what is missing, builds, runs every test
	@YQ_BUILD=$(B) tests/run $(SUITES)

# Never part of `test`: figures of one run, set against each other. PARTS and ROUNDS: tests/bench/ingest.py --help.
.PHONY: bench-ingest bench-deliver bench-pull bench-packages
bench-packages:
	@deploy/bootstrap bench
bench-deliver: bench-packages build $(BENCHES) ## measures sending against its peers and the link; figures to docs/measured/deliver.md
	@YQ_BUILD=$(B) /usr/bin/python3 tests/bench/deliver.py $(if $(ROUNDS),--rounds $(ROUNDS)) $(PARTS)
bench-pull: bench-packages build ## measures DICOMweb against Orthanc; figures to docs/measured/pull.md
	@YQ_BUILD=$(B) /usr/bin/python3 tests/bench/pull.py $(if $(ROUNDS),--rounds $(ROUNDS)) $(PARTS)
bench-ingest: bench-packages build $(BENCHES) ## measures receiving against its peers and floors; figures to docs/measured/ingest.md
	@YQ_BUILD=$(B) /usr/bin/python3 tests/bench/ingest.py $(if $(ROUNDS),--rounds $(ROUNDS)) $(PARTS)

powercut: test-packages test-programs ## cuts the power of storescp many times at every point, on ext4 and XFS as well (an hour and a half)
	@YQ_BUILD=$(B) tests/fault/powercut
.PHONY: fault fault-deliver
fault: test-packages build ## kills yq-storescp and PostgreSQL under load, 1,000 times (ROUNDS=n, SEED=n); goes on where it was cut short
	@YQ_BUILD=$(B) tests/fault/run $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED))

fault-deliver: test-packages build ## breaks the link, kills yq-router and PostgreSQL while studies are delivered, 100 times (ROUNDS=n, SEED=n)
	@YQ_BUILD=$(B) tests/fault/run --of delivery $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED))

.PHONY: week
week: test-packages build ## simulates a dirty week of a county and looks for every image (DAYS=n, SCALE=x, SEED=n; a quarter of an hour)
	@YQ_BUILD=$(B) tests/week/run $(if $(DAYS),--days $(DAYS)) $(if $(SCALE),--scale $(SCALE)) $(if $(SEED),--seed $(SEED))

# One stamp for each source that clang found nothing in; the object stands for the headers. The analyzer follows so many states of a function: of clang's
# own number (TIDY_NODES=225000, many times as long, now and then) nothing more was found.
TIDY_NODES := 5000
TIDIED := $(patsubst $(B)/obj/%.o,$(B)/tidy/%.ok,$(filter-out $(B)/obj/gen/% $(B)/obj/tests/%,$(ALL_OBJECTS)))
.PHONY: tidy lint lint-packages
lint-packages:
	@deploy/bootstrap lint
tidy: $(TIDIED)
$(B)/tidy/%.ok: % $(B)/obj/%.o .clang-tidy | lint-packages
	@mkdir -p $(@D)
	$(call say,TIDY ,$<)clang-tidy-19 --quiet $< -- $(if $(filter %.cc,$<),$(YQ_CXXFLAGS),$(YQ_CFLAGS)) $(PKG_CFLAGS) -Wno-unknown-warning-option \
		-Xclang -analyzer-config -Xclang max-nodes=$(TIDY_NODES) 2>/dev/null && touch $@
lint: lint-packages build ## layers, banned calls, SQL, sizes, options, clang-format, clang-tidy, cppcheck, each with a test of its own
	@tests/lint/run $(CHECKS)

.PHONY: docs-states
docs-states: ## draws docs/states/ from the lists of the state machines
	@docs/states/draw

.PHONY: docs-openapi
docs-openapi: ## writes docs/openapi.json from routes, docs/api.md and the types of the browser application
	@docs/openapi/generate

.PHONY: clean help
clean: ## removes everything that was built
	rm -rf build
help: ## lists the targets
	@deploy/help
