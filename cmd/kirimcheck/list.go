package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/mutants"
	"github.com/kirimcheck/kirimcheck/reports/killmatrix"
)

func newList() *cobra.Command {
	var edition, role string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the requirements",
		Args:  exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ledger, err := loadLedger(edition, contract.Role(role))
			if err != nil {
				return err
			}
			if asJSON {
				return listJSON(cmd.OutOrStdout(), ledger)
			}
			return listText(cmd.OutOrStdout(), ledger)
		},
	}
	cmd.Flags().StringVar(&edition, "edition", "", withEditions("only the requirements of this edition"))
	cmd.Flags().StringVar(&role, "role", "", "only the requirements of this role: "+roleNames())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// loadLedger returns the requirements of an edition and a role; an empty one stands for all.
func loadLedger(edition string, role contract.Role) (contract.Ledger, error) {
	ledger, err := contract.LoadLedger()
	if err != nil {
		return nil, err
	}
	if edition != "" {
		if _, err := contract.LoadEdition(edition); err != nil {
			return nil, usageError{err}
		}
	}
	if err := checkRole(string(role), roles()...); err != nil {
		return nil, usageError{err}
	}
	var out contract.Ledger
	for _, r := range ledger {
		if (edition == "" || r.In(edition)) && (role == "" || r.Role() == role) {
			out = append(out, r)
		}
	}
	return out, nil
}

func listText(w io.Writer, ledger contract.Ledger) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range ledger {
		sentence := r.Sentence
		if r.Excluded != "" {
			sentence = "(not checked) " + sentence
		}
		if _, err := fmt.Fprintf(tw, "%s\t%s\t%s\n", r.ID, r.Level, sentence); err != nil {
			return err
		}
	}
	return tw.Flush()
}

// listed is a requirement as `list --json` prints it.
type listed struct {
	ID       string              `json:"id"`
	Role     contract.Role       `json:"role"`
	Area     string              `json:"area"`
	Level    contract.Level      `json:"level"`
	Sentence string              `json:"sentence"`
	Source   []contract.Citation `json:"source"`
	Editions []string            `json:"editions,omitempty"`
	Reading  string              `json:"reading,omitempty"`
	Spec     string              `json:"spec,omitempty"`
	Excluded string              `json:"excluded,omitempty"`
}

func listJSON(w io.Writer, ledger contract.Ledger) error {
	all := make([]listed, 0, len(ledger))
	for _, r := range ledger {
		all = append(all, listed{r.ID, r.Role(), r.Area(), r.Level, r.Sentence, r.Source, r.Editions, r.Reading, r.Spec, r.Excluded})
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(all)
}

func newExplain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain REQUIREMENT",
		Short: "Tell all about a requirement: what is asked, where it is written, how it is checked",
		Args:  exactly(1, "one requirement id, such as receiver.signature.stale.effect"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ledger, err := contract.LoadLedger()
			if err != nil {
				return err
			}
			r, ok := ledger.Get(args[0])
			if !ok {
				return usageError{unknownRequirement(ledger, args[0])}
			}
			record, err := mutants.Record()
			if err != nil {
				return err
			}
			return explain(cmd.OutOrStdout(), r, record)
		},
	}
}

// unknownRequirement names the requirements that share the longest beginning of the id.
func unknownRequirement(ledger contract.Ledger, id string) error {
	for prefix := id; prefix != ""; prefix = prefix[:max(strings.LastIndexByte(prefix, '.'), 0)] {
		var near []string
		for _, r := range ledger {
			if strings.HasPrefix(r.ID, prefix) {
				near = append(near, r.ID)
			}
		}
		if len(near) > 0 && len(near) <= 12 {
			return fmt.Errorf("unknown requirement %q; there are %s", id, strings.Join(near, ", "))
		}
	}
	return fmt.Errorf("unknown requirement %q; `kirimcheck list` shows them all", id)
}

func explain(w io.Writer, r contract.Requirement, record killmatrix.Record) error {
	readings, err := contract.Readings()
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s: %s\n\n", r.ID, r.Level, r.Sentence)
	for _, c := range r.Source {
		fmt.Fprintf(&b, "source    %s\n", c)
	}
	if len(r.Editions) > 0 {
		fmt.Fprintf(&b, "editions  %s\n", strings.Join(r.Editions, ", "))
	} else {
		b.WriteString("editions  all\n")
	}
	if r.Reading != "" {
		fmt.Fprintf(&b, "reading   %s: %s\n          %s\n", r.Reading, readings[r.Reading].Question, readings[r.Reading].Reading)
	}
	if r.Excluded != "" {
		fmt.Fprintf(&b, "excluded  %s\n", r.Excluded)
	} else {
		fmt.Fprintf(&b, "spec      %s\n", r.Spec)
		fmt.Fprintf(&b, "run       kirimcheck certify --target target.yaml --label-filter %s\n", r.ID)
		if !record.Empty() {
			explainProofs(&b, r.ID, record.Breaking(r.ID))
		}
	}
	_, err = io.WriteString(w, b.String())
	return err
}

// maxGenerated bounds the generated mutants that explain names: they are many, and much alike. Those made by hand are all
// named.
const maxGenerated = 5

// explainProofs names the wrong implementations that turned a requirement red; those made by hand come first.
func explainProofs(b *strings.Builder, id string, all []killmatrix.RecordedMutant) {
	if len(all) == 0 {
		b.WriteString("proven on nothing: no wrong implementation in the suite's record turned it red\n")
		return
	}
	left, generated := 0, 0
	for i, m := range all {
		if m.Family != killmatrix.Handmade {
			if generated++; generated > maxGenerated {
				left++
				continue
			}
		}
		head := "          "
		if i == 0 {
			head = "proven on "
		}
		fmt.Fprintf(b, "%s%s - %s", head, m.Name, m.Defect)
		if m.Seen != "" {
			fmt.Fprintf(b, " (seen in %s)", m.Seen)
		}
		b.WriteString("\n")
	}
	if left > 0 {
		fmt.Fprintf(b, "          and %d more that were generated; `kirimcheck mutants --breaks %s` lists them\n", left, id)
	}
}
