# bangfu: what can be done here. `make` or `make help` lists it.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .tools/bin
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# The same flags as `go test` has, so that both share one build cache; deploy/Dockerfile builds the small static one.
GOBUILD := go build -ldflags "-X bangfu/cli.version=$(VERSION)"

# The engine: the one named in TEMPORAL_CLI, else the one on PATH, else ours, built once.
ENGINE := $(or $(TEMPORAL_CLI),$(shell command -v temporal 2>/dev/null),$(CURDIR)/$(BIN)/temporal)
export TEMPORAL_CLI = $(ENGINE)

.PHONY: help run build test bench lint fmt fuzz tools clean

help: ## 列出各项命令
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(ENGINE) build ## 在本机启动全部组件（bangfu dev），并打印各访问地址
	@exec ./bangfu dev

build: ## 编译单一可执行文件 ./bangfu
	@[ -e bangfu ] || echo "首次编译 bangfu（含下载依赖），约 2 分钟 …"
	@$(GOBUILD) -o bangfu .

test: $(ENGINE) ## 运行全部测试（真实 Temporal 引擎、SQLite 与 MariaDB）
	@deploy/testdb.sh with sh -c 'go test -count=1 $(TESTFLAGS) $$(go list ./... | grep -v /e2e$$) && go test -count=1 -timeout 30m $(TESTFLAGS) ./e2e' # e2e by itself: its clocks do not wait for a busy machine

bench: $(ENGINE) ## 性能测试，最后输出 Markdown 表格
	@BANGFU_TESTDB_POOL=$${BANGFU_TESTDB_POOL:-2G} deploy/testdb.sh with go run ./bench $(BENCHFLAGS)

lint: $(BIN)/workflowcheck $(BIN)/golangci-lint $(BIN)/compose ## gofmt、go vet、workflowcheck、golangci-lint、compose 文件
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "未按 gofmt 排版：$$unformatted（请运行 make fmt）"; exit 1; }
	go vet ./...
	$(BIN)/workflowcheck -config tools/workflowcheck/config.yaml -show-pos ./workflows/... ./worker/...
	GOLANGCI_LINT_CACHE=$(CURDIR)/.tools/lint-cache $(BIN)/golangci-lint run ./...
	$(BIN)/compose docker-compose.yml .env.example

fmt: ## 按 gofmt 排版
	gofmt -w $$(git ls-files '*.go')

fuzz: ## 对读取部门文件的各解析器做模糊测试（FUZZTIME=每项时长，默认 30s）
	@deploy/fuzz.sh $(or $(FUZZTIME),30s)

tools: $(CURDIR)/$(BIN)/temporal $(BIN)/workflowcheck $(BIN)/golangci-lint ## 编译所需工具到 .tools/bin

clean: ## 删除编译产物（不删除 ./data 与 .tools）
	rm -rf bangfu dist .tools/lint-cache
	go clean -testcache

$(CURDIR)/$(BIN)/temporal: tools/temporal/go.sum
	@echo "首次构建 Temporal 引擎，约 5 分钟（仅此一次）…"
	@cd tools/temporal && go build -o $@ github.com/temporalio/cli/cmd/temporal
	@touch $@; echo "引擎已就绪：$@"

$(BIN)/workflowcheck: tools/workflowcheck/go.sum
	@echo "首次构建 workflowcheck …"
	@cd tools/workflowcheck && go build -o $(CURDIR)/$@ go.temporal.io/sdk/contrib/tools/workflowcheck
	@touch $@

$(BIN)/compose: tools/compose/go.sum tools/compose/main.go
	@cd tools/compose && go build -o $(CURDIR)/$@ .

$(BIN)/golangci-lint: tools/golangci-lint/go.sum
	@echo "首次构建 golangci-lint，约 3 分钟（仅此一次）…"
	@cd tools/golangci-lint && go build -o $(CURDIR)/$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $@
