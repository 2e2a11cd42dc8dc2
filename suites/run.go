package suites

import (
	"errors"
	"io"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/formatter"

	"github.com/kirimcheck/kirimcheck/reports"
)

// Run defines the specs and runs those that the label filter selects, in this process. Ginkgo can do that once in a
// process; whoever wants another run starts another process. Ginkgo's own output is dropped: the report has it all.
// An interrupt (SIGINT, SIGTERM) ends the run early, with a report that says so.
func (s *Session) Run(filter string) (reports.Report, error) {
	if err := s.CheckFilter(filter); err != nil {
		return reports.Report{}, err
	}
	stdout := formatter.ColorableStdOut
	formatter.ColorableStdOut = io.Discard
	defer func() { formatter.ColorableStdOut = stdout }()

	suite, reporter := ginkgo.GinkgoConfiguration()
	suite.LabelFilter = filter
	// The order of the specs means nothing, so it may as well be the same every time.
	suite.RandomSeed = 1
	s.Define()
	ginkgo.RunSpecs(deaf{}, "kirimcheck", suite, reporter)
	if s.report == nil {
		return reports.Report{}, errors.New("the run ended without a report")
	}
	return *s.report, nil
}

// deaf is told by Ginkgo that the suite failed. The report says so too, and more exactly.
type deaf struct{}

func (deaf) Fail() {}
