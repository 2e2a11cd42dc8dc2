package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/mutants"
	"github.com/kirimcheck/kirimcheck/reports/killmatrix"
)

// mutantsFlags are the flags of kirimcheck mutants; an empty one chooses all.
type mutantsFlags struct {
	role, family, breaks string
	asJSON               bool
}

func newMutants() *cobra.Command {
	var f mutantsFlags
	cmd := &cobra.Command{
		Use:   "mutants",
		Short: "List the wrong implementations that the suites are proven on",
		Long: "mutants lists the implementations that are wrong on purpose, in one thing each. `kirimcheck serve --mutant NAME` runs\n" +
			"one of a relay, `kirimcheck receiver --mutant NAME` one of a receiver, to be tried; `kirimcheck matrix` runs the\n" +
			"suites against all of them.",
		Example: "  kirimcheck mutants --role relay --family '" + killmatrix.Handmade + "'\n" +
			"  kirimcheck mutants --breaks receiver.signature.stale.effect",
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			chosen, err := f.choose()
			if err != nil {
				return err
			}
			if f.asJSON {
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetEscapeHTML(false)
				enc.SetIndent("", "  ")
				return enc.Encode(chosen)
			}
			if len(chosen) == 0 {
				_, err := fmt.Fprintln(cmd.ErrOrStderr(), "no mutant is all of that")
				return err
			}
			return mutantsText(cmd.OutOrStdout(), chosen)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.role, "role", "", "only mutants of this role: "+roleNames())
	flags.StringVar(&f.family, "family", "", "only mutants of this family, such as '"+killmatrix.Handmade+"'")
	flags.StringVar(&f.breaks, "breaks", "", "only mutants that break this requirement, such as receiver.signature.stale.effect")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

// listedMutant is a mutant as `mutants --json` prints it.
type listedMutant struct {
	Role    contract.Role `json:"role"`
	Name    string        `json:"name"`
	Family  string        `json:"family"`
	Defect  string        `json:"defect"`
	Seen    string        `json:"seen,omitempty"`
	Edition string        `json:"edition"`
	// Breaks are the requirements that must turn red.
	Breaks []string `json:"breaks"`
	// Survives is the reason why none does.
	Survives string `json:"survives,omitempty"`
}

// choose returns the mutants that the flags name. That there are none is an error only where a flag names what is not.
func (f mutantsFlags) choose() ([]listedMutant, error) {
	all, err := mutants.All()
	if err != nil {
		return nil, err
	}
	ledger, err := contract.LoadLedger()
	if err != nil {
		return nil, err
	}
	if err := f.check(ledger, all); err != nil {
		return nil, usageError{err}
	}
	chosen := []listedMutant{}
	for _, m := range all {
		one, err := listMutant(ledger, m)
		if err != nil {
			return nil, err
		}
		if (f.role == "" || string(one.Role) == f.role) && (f.family == "" || one.Family == f.family) &&
			(f.breaks == "" || slices.Contains(one.Breaks, f.breaks)) {
			chosen = append(chosen, one)
		}
	}
	return chosen, nil
}

func (f mutantsFlags) check(ledger contract.Ledger, all []mutants.Mutant) error {
	if err := checkRole(f.role, roles()...); err != nil {
		return err
	}
	if f.breaks != "" {
		if r, ok := ledger.Get(f.breaks); !ok {
			return fmt.Errorf("--breaks: %w", unknownRequirement(ledger, f.breaks))
		} else if r.Excluded != "" {
			return fmt.Errorf("--breaks %s: no spec checks it, so no mutant can be known to break it; `kirimcheck explain %[1]s` says why", r.ID)
		}
	}
	if f.family == "" {
		return nil
	}
	var families []string
	for _, m := range all {
		families = append(families, familyOf(m))
	}
	if !slices.Contains(families, f.family) {
		families = slices.Compact(slices.Sorted(slices.Values(families)))
		return fmt.Errorf("--family %q: there are %s", f.family, strings.Join(families, ", "))
	}
	return nil
}

func listMutant(ledger contract.Ledger, m mutants.Mutant) (listedMutant, error) {
	edition := cmp.Or(m.Edition, contract.DefaultEdition)
	breaks, err := mutants.Expand(ledger.For(m.Role, edition), m.Breaks)
	if err != nil {
		return listedMutant{}, fmt.Errorf("mutant %s of the role %s: %w", m.Name, m.Role, err)
	}
	if breaks == nil {
		breaks = []string{}
	}
	return listedMutant{m.Role, m.Name, familyOf(m), m.Defect, m.Seen, edition, breaks, m.Survives}, nil
}

func mutantsText(w io.Writer, all []listedMutant) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, m := range all {
		if _, err := fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", m.Role, m.Name, m.Family, m.Defect); err != nil {
			return err
		}
	}
	return tw.Flush()
}

// familyOf is the name of a mutant's family, as the matrix has it.
func familyOf(m mutants.Mutant) string { return cmp.Or(m.Family, killmatrix.Handmade) }

// mutantNamed looks a mutant up for a flag. A wrong name is answered with the nearest ones.
func mutantNamed(flag string, role contract.Role, name string) (mutants.Mutant, error) {
	// Get makes one family at most, All makes them all; only an error needs every name.
	if m, err := mutants.Get(role, name); err == nil {
		return m, nil
	}
	all, err := mutants.All()
	if err != nil {
		return mutants.Mutant{}, err
	}
	var names []string
	for _, m := range all {
		switch {
		case m.Role == role:
			names = append(names, m.Name)
		case m.Name == name:
			return mutants.Mutant{}, usageError{fmt.Errorf("%s %q: that is a mutant of a %s, and this is a %s; run `%s`",
				flag, name, m.Role, role, runs(m))}
		}
	}
	return mutants.Mutant{}, usageError{fmt.Errorf("%s %q: no mutant of a %s has that name; the nearest are %s; `kirimcheck mutants --role %[3]s` lists all",
		flag, name, role, strings.Join(nearest(name, names), ", "))}
}

// runs is the command that runs a mutant.
func runs(m mutants.Mutant) string {
	switch m.Role {
	case contract.RoleRelay:
		return "kirimcheck serve --mutant " + m.Name
	case contract.RoleMetaReceiver:
		return "kirimcheck receiver --role meta-receiver --mutant " + m.Name
	default:
		return "kirimcheck receiver --mutant " + m.Name
	}
}

// mutantEdition is the edition to run a mutant in: the one that was asked for, or the one that its defect shows in.
func mutantEdition(m mutants.Mutant, asked string) (string, error) {
	if m.Edition != "" && asked != "" && asked != m.Edition {
		return "", usageError{fmt.Errorf("--edition %s: the defect of %s shows in %s alone; leave --edition out", asked, m.Name, m.Edition)}
	}
	return cmp.Or(asked, m.Edition), nil
}

// wrongOnPurpose is what is printed where a mutant runs, so that nobody takes it for the real thing.
func wrongOnPurpose(m mutants.Mutant) string {
	s := fmt.Sprintf("WRONG ON PURPOSE: mutant %s - %s", m.Name, m.Defect)
	if m.Seen != "" {
		s += " (seen in " + m.Seen + ")"
	}
	return s
}
