# rackhand: plain `make` lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: packages help build check fuzz test unit e2e demo image deps deps-test deps-bench clean bench go needs-demo needs-test

# Where the demo and the tests keep their root image between runs.
CACHE ?= $(CURDIR)/.cache
# A Go of our own, if the machine's is too old: see .ci/go.
export PATH := $(abspath $(CACHE))/go/go$(shell sed -n 's/^go //p' go.mod)/bin:$(PATH)
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
VERSION := $(shell .ci/version)
PAYLOAD := bootfiles/payload
# Go leaves folders that begin with a dot out of ./...
ALL := ./... ./.ci/testtable
# Which packages and tests took how long in the last run.
TABLE := $(CACHE)/test-times.txt
# Programs that the benchmarks measure rackhand against: unpacked, never installed.
PEERS := $(abspath $(CACHE))/peers
# Modules of the Puppet that rackhand is held against.
PUPPET := apt augeas-core concat cron-core host-core inifile mount-core sshkeys-core stdlib

# Demo: BOXES=3 FIRMWARE=bios KEEP=1
BOXES ?= 1
FIRMWARE ?= uefi
KEEP ?=

help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

go:
	@.ci/go $(abspath $(CACHE))/go >/dev/null

# Programs that apt can't install are named before any work begins.
needs-demo needs-test: needs-%:
	@.ci/needs $* $(abspath $(CACHE))

build: go ## build rackhand (it carries the agent and the installer) into bin/
	for arch in amd64 arm64; do \
	  GOARCH=$$arch CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o $(PAYLOAD)/rackhand-agent-$$arch ./cmd/rackhand-agent && \
	  GOARCH=$$arch CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o $(PAYLOAD)/rackhand-installer-$$arch ./cmd/rackhand-installer || exit 1; done
	CGO_ENABLED=0 go build -trimpath -ldflags '-X main.version=$(VERSION)' -o bin/rackhand ./cmd/rackhand

check: go ## gofumpt, go vet, staticcheck
	@out=$$(go tool gofumpt -l cmd provision templates bootfiles inventory config .ci); \
	  if [ -n "$$out" ]; then echo "gofumpt would change:"; echo "$$out"; exit 1; fi
	go vet $(ALL) && go vet -tags e2e,bench $(ALL)
	go tool staticcheck -tags e2e,bench $(ALL)

deps: go ## install what the demo needs: with apt, and a Go if the machine's is too old
	@$(SUDO) .ci/apt qemu-system-x86 ovmf ipxe mmdebstrap iproute2 e2fsprogs dosfstools ca-certificates

deps-test: deps
	@$(SUDO) .ci/apt ipmitool redfishtool zstd dnsmasq-base isc-dhcp-client busybox tftp-hpa chromium kea-admin curl ipxe-qemu \
	  qemu-system-arm qemu-efi-aarch64 shim-signed grub-efi-amd64-signed systemd xz-utils lz4 zstd \
	  dnf rpm lintian rpmlint createrepo-c apt-utils gpg xorriso openipmi python3-pyghmi freeipmi-tools systemd-container strace tcpdump zsh fish man-db groff-base
	@command -v npm >/dev/null || $(SUDO) .ci/apt npm

# A deb, an rpm and an SBOM for each processor. The same commit gives the same bytes.
DIST ?= dist
packages: build ## a deb, an rpm and an SBOM for amd64 and arm64, into dist/ (DIST=FOLDER)
	.ci/packages $(DIST)

image: build
	$(SUDO) bin/rackhand image --state $(CACHE) build debian12 --if-missing

demo: needs-demo deps build image ## a virtual rack, a bare box, and the whole path (BOXES=1 FIRMWARE=uefi|bios KEEP=1)
	$(SUDO) bin/rackhand demo --boxes $(BOXES) --firmware $(FIRMWARE) --images $(CACHE)/images $(if $(KEEP),--keep)

unit: build ## the tests that need no root and no tools
	go test $(ALL)

e2e: deps-test build image ## the tests with real firmware, guests, namespaces and a browser (as root)
	.ci/peers $(PEERS) isc-dhcp-relay sudo cron prometheus munin rsyslog
	.ci/axe $(PEERS)
	$(SUDO) .ci/system $(PEERS)/puppet $(CACHE)/images/debian12/root.tar.zst puppet-agent $(addprefix puppet-module-puppetlabs-,$(PUPPET)) cron sudo
	$(SUDO) .ci/system --repository $(PEERS)/shipped $(CACHE)/images/debian12/root.tar.zst chrony ipxe logrotate nginx ssl-cert sudo unattended-upgrades
	rm -rf $(CACHE)/packages && .ci/packages $(CACHE)/packages
	go build -o bin/testtable ./.ci/testtable
	set -o pipefail; $(SUDO) env "PATH=$$PATH" RACKHAND_PEERS=$(PEERS) RACKHAND_IMAGES=$(abspath $(CACHE))/images RACKHAND_BIN=$(CURDIR)/bin/rackhand RACKHAND_PACKAGES=$(abspath $(CACHE))/packages \
	  go test -tags e2e -count=1 -p 2 -timeout 60m -json $(ALL) | bin/testtable -o $(TABLE)
	@echo "the table is kept in $(TABLE)"

# Input of unknown clients, and files from anywhere. Without a bound on it,
# shortening one input takes Go a minute, in which nothing new is tried.
FUZZ := FuzzAnswer=provision/muninnode FuzzRead=provision/backup FuzzFacts=provision/catalog FuzzAnswer=provision/dhcp FuzzLine=provision/trace FuzzRequest=provision/tftp FuzzBMC=provision/bmc/ipmi FuzzGuard=provision/bmc/ipmi FuzzAnswer=provision/bmc/audit/probe FuzzFRU=provision/bmc/ipmi FuzzSOL=provision/bmc/ipmi FuzzMessage=provision/syslog \
  FuzzCheck=templates/kickstart FuzzRootTar=bootfiles/image FuzzVolume=bootfiles/media/iso9660 FuzzParseOffer=provision/catalog FuzzCatalog=provision/catalog \
  FuzzValidate=provision/catalog FuzzDecodeReport=provision/catalog FuzzParse=provision/catalog/window FuzzState=provision/converge \
  FuzzAccount=provision/converge/files FuzzDecodeACL=provision/converge/files FuzzIndex=provision/converge/backup FuzzParseACL=provision/catalog \
  FuzzRead=provision/converge/apt FuzzQuery=provision/converge/packages FuzzShowpkg=provision/converge/packages \
  FuzzParse=provision/converge/systemd FuzzEdit=provision/converge/edit FuzzTexts=provision/catalog \
  FuzzDiagnose=provision/why FuzzAnswers=provision/bmc/scan FuzzRun=provision/installer/bmcsetup FuzzRole=inventory/role FuzzExpression=inventory/role/expression
FUZZTIME ?= 10m

fuzz: go ## look for inputs that break what reads them (FUZZTIME=10m for each)
	for f in $(FUZZ); do go test -run '^$$' -fuzz "^$${f%%=*}\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x -parallel 1 "./$${f#*=}" || exit 1; done

deps-bench: deps-test
	.ci/peers $(PEERS) kea-dhcp4-server nginx-light tftpd-hpa atftpd

bench: deps-bench build image ## DHCP, HTTP and TFTP beside Kea, dnsmasq, nginx and others, the agent beside CFEngine, Puppet and Ansible, the way from power-on to serving, and floods; writes docs/performance.md and docs/reliability.md (as root)
	$(SUDO) env "PATH=$$PATH" RACKHAND_BIN=$(CURDIR)/bin/rackhand RACKHAND_PEERS=$(PEERS) RACKHAND_IMAGES=$(CACHE)/images go test -tags bench -count=1 -timeout 150m -v -run 'TestMachine|TestPath|TestDHCP|TestHTTP' ./provision/bench -write
	$(SUDO) env "PATH=$$PATH" RACKHAND_PEERS=$(PEERS) go test -tags bench -count=1 -timeout 30m -v -run TestTFTP ./provision/tftp/bench -write
	$(SUDO) env "PATH=$$PATH" RACKHAND_BIN=$(CURDIR)/bin/rackhand go test -tags bench -count=1 -timeout 30m -v -run TestUnderFlood ./provision/bench/flood -write
	$(SUDO) .ci/system $(PEERS)/agents $(CACHE)/images/debian12/root.tar.zst puppet-agent cfengine3 ansible-core python3-apt time
	$(SUDO) env "PATH=$$PATH" RACKHAND_BIN=$(CURDIR)/bin/rackhand RACKHAND_PEERS=$(PEERS) go test -tags bench -count=1 -timeout 60m -v -run "TestAgents|TestMany" ./provision/bench/agents -write
	go test -tags bench -count=1 -timeout 15m -v -run TestPoll500 ./provision/bmc/poll -write
	go test -tags bench -count=1 -timeout 30m -v -run TestYearOf500 ./provision/retention
	go test -tags bench -count=1 -timeout 10m -v -run TestMainThread -bench Overview ./provision/web/page

test: needs-test check e2e ## everything, as CI runs it

clean: ## remove built files; the root image in .cache stays
	rm -rf bin $(PAYLOAD)/rackhand-*
