package suites

import (
	"encoding/json"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/onsi/ginkgo/v2"

	"github.com/kirimcheck/kirimcheck/contract"
)

// Define declares the suite's nodes to Ginkgo. It is called once in a process, before ginkgo.RunSpecs.
func (s *Session) Define() {
	started := time.Now()
	s.interrupts = make(chan os.Signal, 1)
	signal.Notify(s.interrupts, os.Interrupt, syscall.SIGTERM)
	ginkgo.SynchronizedBeforeSuite(func(ctx ginkgo.SpecContext) []byte {
		if err := s.open(ctx, 1, nil); err != nil {
			ginkgo.Fail(err.Error())
		}
		if err := s.preflight(ctx); err != nil {
			ginkgo.Fail(err.Error())
		}
		data, err := json.Marshal(s.share())
		if err != nil {
			ginkgo.Fail(err.Error())
		}
		return data
	}, func(ctx ginkgo.SpecContext, data []byte) {
		process := ginkgo.GinkgoParallelProcess()
		if process == 1 {
			return
		}
		var from shared
		if err := json.Unmarshal(data, &from); err != nil {
			ginkgo.Fail(err.Error())
		}
		if err := s.open(ctx, process, &from); err != nil {
			ginkgo.Fail(err.Error())
		}
	})
	// The first process closes last: the others look at effects through it.
	ginkgo.SynchronizedAfterSuite(func() {
		if ginkgo.GinkgoParallelProcess() != 1 {
			s.closeOrFail()
		}
	}, s.closeOrFail)

	if s.opts.Begin != nil {
		ginkgo.ReportBeforeSuite(func(r ginkgo.Report) { s.opts.Begin(r.PreRunStats.SpecsThatWillRun) })
	}
	ginkgo.Describe(string(s.role), ginkgo.Label(string(s.role)), func() {
		switch s.role {
		case contract.RoleReceiver:
			ginkgo.Describe("delivery", func() { s.receiverDelivery(); s.receiverTolerance() })
			ginkgo.Describe("signature", func() { s.receiverSignature(); s.receiverRefusal() })
			ginkgo.Describe("parser", s.receiverParser)
			ginkgo.Describe("dedupe", func() { s.receiverDedupe(); s.failedWork() })
		case contract.RoleMetaReceiver:
			ginkgo.Describe("handshake", s.metaHandshake)
			ginkgo.Describe("signature", s.metaSignature)
			ginkgo.Describe("delivery", s.metaDelivery)
			ginkgo.Describe("dedupe", func() { s.metaDedupe(); s.failedWork() })
		case contract.RoleRelay:
			ginkgo.Describe("passthrough", s.relayPassthrough)
			ginkgo.Describe("disable", s.relayDisable)
			ginkgo.Describe("replay", s.relayReplay)
			ginkgo.Describe("isolation", s.relayIsolation)
			ginkgo.Describe("guarantee", s.relayGuarantee)
			ginkgo.Describe("headers", s.relayHeaders)
			ginkgo.Describe("signature", s.relaySignature)
			ginkgo.Describe("events", s.relayEvents)
			ginkgo.Describe("subscriptions", s.relaySubscriptions)
			ginkgo.Describe("ssrf", s.relaySSRF)
			ginkgo.Describe("front", s.relayFront)
			ginkgo.Describe("api", s.relayAPI)
			ginkgo.Describe("retry", s.relayRetry)
			ginkgo.Describe("outcome", s.relayOutcome)
		}
	})

	ginkgo.ReportAfterSuite("verdict", func(r ginkgo.Report) {
		signal.Stop(s.interrupts)
		report := s.build(r, started)
		s.report = &report
		if problem := verdictProblem(report); problem != "" {
			ginkgo.Fail(problem)
		}
	})
}

func (s *Session) closeOrFail() {
	if err := s.close(); err != nil {
		ginkgo.Fail(err.Error())
	}
}
