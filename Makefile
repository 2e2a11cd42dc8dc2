# Every target works on a fresh machine with Go, make and git; modules and tools are fetched as go.mod pins them.

GO ?= go
BIN := bin/kirimcheck

.PHONY: certify build test race mutants recipes fuzz bench lint generate

# Certifies the embedded references, or your own target: make certify TARGET=target.yaml
certify: build
ifdef TARGET
	$(BIN) certify --target $(TARGET)
else
	@set -e; for role in receiver relay; do for edition in kckit kirim.chat kirimdev; do \
		echo "$(BIN) certify --reference --role $$role --edition $$edition --out reports/out/$$role-$$edition"; \
		$(BIN) certify --reference --role $$role --edition $$edition --out reports/out/$$role-$$edition; \
	done; done
endif

# One static binary; it needs no Go toolchain where it runs.
build:
	CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN) ./cmd/kirimcheck

test:
	$(GO) test -timeout 10m ./...

race:
	$(GO) test -race -short -timeout 10m ./...

# Proves that the checks can fail: every mutant, every unusual but correct implementation, and the references. It writes
# reports/out/mutants.html and mutants.json, and where all of it holds the record that every report quotes.
mutants: build
	$(BIN) matrix --record mutants/record.json

# The recipes in examples that install hundreds of packages.
recipes:
	KIRIMCHECK_LARGE_RECIPES=1 $(GO) test -count=1 -timeout 10m -run 'TestLargeRecipes' ./cmd/kirimcheck

# Every fuzz test for FUZZTIME each; their seeds are part of `make test`.
FUZZTIME ?= 30s
fuzz:
	@set -e; for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg; \
		done; \
	done

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...

# What .ci/run fails on, beside the tests. See staticcheck.conf for the reasons behind the choice of checks.
lint:
	@files=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$files" ]; then echo "not formatted:"; echo "$$files"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) tool errcheck ./...

generate:
	$(GO) generate ./...
	$(GO) mod tidy
