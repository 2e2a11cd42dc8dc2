package suites_test

import (
	"flag"
	"os"
	"testing"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/suites"
	"github.com/kirimcheck/kirimcheck/target"
)

var targetFlag = flag.String("target", "", "target file; by default the environment's KIRIMCHECK_TARGET, and else the embedded reference")

// TestSuites runs the specs: against the target file, or else against the embedded reference.
func TestSuites(t *testing.T) {
	gomega.RegisterFailHandler(ginkgo.Fail)
	path := *targetFlag
	if path == "" {
		path = os.Getenv("KIRIMCHECK_TARGET")
	}
	opts := suites.Options{
		Edition: os.Getenv("KIRIMCHECK_EDITION"),
		Role:    contract.Role(os.Getenv("KIRIMCHECK_ROLE")),
		GraphQL: os.Getenv("KIRIMCHECK_GRAPHQL") != "",
		Version: "development",
		Command: "go tool ginkgo ./suites",
		Rerun:   func(id string) string { return "go tool ginkgo --label-filter " + id + " ./suites" },
	}
	if path != "" {
		tgt, err := target.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		opts.Target = tgt
	}
	session, err := suites.NewSession(opts)
	if err != nil {
		t.Fatal(err)
	}
	config, _ := ginkgo.GinkgoConfiguration()
	if err := session.CheckFilter(config.LabelFilter); err != nil {
		t.Fatal(err)
	}
	session.Define()
	ginkgo.RunSpecs(t, "kirimcheck")
}
