# Fuzzing: one target for each source of tests/fuzz/, in two forms. Both instrument what stands in FUZZED (and no more: the rest comes from the
# archives of the build), so `make test` looks for memory errors without a second build of everything.
#
#   build/tests/fuzz_TARGET    short: the compiler of the build and support/driver.c; part of `make test`
#   build/fuzz/TARGET          long: clang with libFuzzer, over a DCMTK that is built the same way; `make fuzz`

FUZZ_TARGETS := $(sort $(basename $(notdir $(wildcard tests/fuzz/*.c tests/fuzz/*.cc))))
FUZZED := $(call sources,lib/base) $(call sources,lib/http) $(wildcard lib/domain/pdf_*.c) $(addprefix gateway/,accept.c dicomweb_ignored.c dicomweb_keys.c input.c workitem_filter.c workitem_moment.c) \
	$(addprefix lib/dicom/,associate_request.c association.cc charset.c charset_tally.c charset_terms.c fields.c log.cc message.cc meta.c part10.c scp.cc source.c structure.c \
	syntax.c transport.cc uids.cc) \
	$(addprefix lib/intake/,index_log.c record.c ring_head.c) $(addprefix lib/transport/,fhir_answer.c hl7_ack.c stow_answer.c) \
	$(addprefix lib/domain/,day.c national_id.c network.c report_body.c report_content.c report_verify_read.c request_form.c)
FUZZ_SUPPORT := $(filter-out %/driver.c,$(call sources,tests/fuzz/support))
fuzz_source = $(wildcard tests/fuzz/$(1).c tests/fuzz/$(1).cc)

# --- short -----------------------------------------------------------------------------------------------------------

FUZZ_SHORT := $(filter-out -O% -D_FORTIFY_SOURCE=%,$(OPTIMIZE)) $(INSTRUMENTED) -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_TESTS := $(FUZZ_TARGETS:%=$(B)/tests/fuzz_%)
fuzz_short = $(patsubst %,$(B)/obj/fuzz/%.o,$(1))
FUZZ_SHORT_OBJECTS := $(call fuzz_short,$(FUZZED) $(call sources,tests/fuzz) $(call sources,tests/fuzz/support))

$(FUZZ_SHORT_OBJECTS): $(B)/flags.list | test-packages $(GENERATED)
	@mkdir -p $(@D)
	$(call say,$(if $(filter %.cc,$(@:.o=)),CXX  ,CC   ),$(@:$(B)/obj/fuzz/%.o=%) (fuzz))$(if $(filter %.cc,$(@:.o=)),$(CXX) $(filter-out $(OPTIMIZE),$(YQ_CXXFLAGS)),$(CC) $(filter-out $(OPTIMIZE),$(YQ_CFLAGS))) \
		$(FUZZ_SHORT) $(PKG_CFLAGS) -c -o $@ $(@:$(B)/obj/fuzz/%.o=%)
$(foreach s,$(FUZZED) $(call sources,tests/fuzz) $(call sources,tests/fuzz/support),$(eval $(call fuzz_short,$(s)): $(s)))
$(B)/lib/libyq_fuzz.a: $(call fuzz_short,$(FUZZED) $(call sources,tests/fuzz/support))
	@rm -f $@
	$(call say,AR   ,$@)$(AR) rcs $@ $^
$(FUZZ_TESTS): $(B)/tests/fuzz_%: $(B)/lib/libyq_fuzz.a $(LIB_ARCHIVES) $(B)/lib/libyq-gateway.a
	$(call say,LINK ,$@)$(CXX) $(FUZZ_SHORT) -pie -pthread -Wl,--as-needed -o $@ $(filter %.o,$^) $(B)/lib/libyq_fuzz.a $(B)/lib/libyq-gateway.a $(LINK_LIBS)
$(foreach t,$(FUZZ_TARGETS),$(eval $(B)/tests/fuzz_$(t): $(call fuzz_short,$(call fuzz_source,$(t)) tests/fuzz/support/driver.c)))
-include $(wildcard $(FUZZ_SHORT_OBJECTS:.o=.d))

# --- long ------------------------------------------------------------------------------------------------------------

FUZZ_CC := clang-19
FUZZ_CXX := clang++-19
FUZZ_FLAGS := -O1 -g -fno-omit-frame-pointer -fPIE -pthread -I. -Ibuild -MMD -MP -D_GNU_SOURCE -w -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all
FUZZ_DCMTK := build/dcmtk/root
FUZZ_BINS := $(FUZZ_TARGETS:%=build/fuzz/%)
fuzz_long = $(patsubst %,build/fuzz/obj/%.o,$(1))
FUZZ_LONG_OBJECTS := $(call fuzz_long,$(FUZZED) $(call sources,tests/fuzz) $(FUZZ_SUPPORT))
FUZZ_DCMTK_LIBS := $(patsubst %,$(FUZZ_DCMTK)/lib/lib%.a,dcmnet dcmdata oflog ofstd)

.PHONY: fuzz fuzz-build fuzz-packages fuzz-corpus
fuzz-packages:
	@deploy/bootstrap fuzz
$(FUZZ_DCMTK)/.built: tests/fuzz/dcmtk | fuzz-packages
	$(call say,DCMTK,$(FUZZ_DCMTK))tests/fuzz/dcmtk build/dcmtk $(FUZZ_CC) $(FUZZ_CXX)
$(FUZZ_LONG_OBJECTS): $(FUZZ_DCMTK)/.built | fuzz-packages $(GENERATED)
	@mkdir -p $(@D)
	$(call say,CLANG,$(@:build/fuzz/obj/%.o=%))$(if $(filter %.cc,$(@:.o=)),$(FUZZ_CXX) -std=gnu++17,$(FUZZ_CC) -std=gnu17) $(FUZZ_FLAGS) -isystem $(FUZZ_DCMTK)/include $(PKG_CFLAGS) \
		-c -o $@ $(@:build/fuzz/obj/%.o=%)
$(foreach s,$(FUZZED) $(call sources,tests/fuzz) $(FUZZ_SUPPORT),$(eval $(call fuzz_long,$(s)): $(s)))
build/fuzz/libyq_fuzz.a: $(call fuzz_long,$(FUZZED) $(FUZZ_SUPPORT))
	@rm -f $@
	$(call say,AR   ,$@)$(AR) rcs $@ $^
# Those that reach DCMTK do it through files that stand in FUZZED, and get no library of the machine's own; the others only name it.
FUZZ_OVER_DCMTK := association command dataset
FUZZ_STATIC_LIBS = -Wl,--start-group $(LIB_ARCHIVES) -Wl,--end-group $(FUZZ_DCMTK_LIBS) $(PKG_LIBS) -lm
fuzz_libs = $(if $(filter $(1),$(FUZZ_OVER_DCMTK)),$(FUZZ_STATIC_LIBS),$(LINK_LIBS))
$(FUZZ_BINS): build/fuzz/%: build/fuzz/libyq_fuzz.a $(LIB_ARCHIVES) $(B)/lib/libyq-gateway.a
	$(call say,LINK ,$@)$(FUZZ_CXX) -fsanitize=fuzzer,address,undefined -pie -pthread -Wl,--as-needed -o $@ $(filter %.o,$^) build/fuzz/libyq_fuzz.a \
		$(B)/lib/libyq-gateway.a $(call fuzz_libs,$*)
$(foreach t,$(FUZZ_TARGETS),$(eval build/fuzz/$(t): $(call fuzz_long,$(call fuzz_source,$(t)))))
-include $(wildcard $(FUZZ_LONG_OBJECTS:.o=.d))

fuzz-build: fuzz-packages $(FUZZ_BINS)
fuzz: fuzz-build ## fuzzes every reader of foreign bytes with libFuzzer, SECONDS=n each (default 300), TARGETS="dataset pdf ..."
	@tests/fuzz/run $(if $(SECONDS),--seconds $(SECONDS)) $(TARGETS)
fuzz-corpus: ## makes the generated files of tests/fuzz/corpus/ anew
	@tests/fuzz/make-corpus
