package trial

import "github.com/tenantry/tenantry/fleet"

// Report is what came of a trial.
type Report struct {
	// Provider and BaseVersion are empty when the description cannot be used.
	Provider    string `json:"provider,omitempty"`
	BaseVersion string `json:"baseVersion,omitempty"`
	// Notes say, in words, what the provider's control planes can live through, and what a
	// tenant costs.
	Notes []string `json:"notes,omitempty"`
	Cases []Case   `json:"cases"`
	// Goldens are the golden files as they were rendered, by path, as far as they differ.
	Goldens map[string][]byte `json:"-"`
}

// Case is one thing that was tried.
type Case struct {
	// Name is the file, relative to the provider's folder, and what is tried of it.
	Name string `json:"name"`
	// Problems fail the case, Warnings do not.
	Problems fleet.Findings `json:"problems,omitempty"`
	Warnings fleet.Findings `json:"warnings,omitempty"`
	// Diff is from the golden file to what was rendered; empty when they are the same.
	Diff string `json:"diff,omitempty"`
}

// Failed tells whether the case has a problem.
func (c Case) Failed() bool { return len(c.Problems) > 0 }

// Failed counts the cases that failed.
func (r *Report) Failed() int {
	n := 0
	for _, c := range r.Cases {
		if c.Failed() {
			n++
		}
	}
	return n
}

// Warnings counts those of all cases.
func (r *Report) Warnings() int {
	n := 0
	for _, c := range r.Cases {
		n += len(c.Warnings)
	}
	return n
}

// Strict makes problems of warnings.
func (r *Report) Strict() {
	for i := range r.Cases {
		c := &r.Cases[i]
		c.Problems, c.Warnings = append(c.Problems, c.Warnings...), nil
	}
}
