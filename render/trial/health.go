package trial

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/json"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/strict"
	"github.com/tenantry/tenantry/render"
)

// cases is the form of testdata/*.health.yaml.
type cases struct {
	Cases []judgement `json:"cases"`
}

// judgement is a unit as a shard may hold it, and how it is judged then.
type judgement struct {
	Name string `json:"name"`
	// Why says, for people, what the case is about.
	Why string `json:"why,omitempty"`
	// Absent are objects that are not there: Kind, or Kind/name. The others are there as
	// they were rendered, newborn.
	Absent []string `json:"absent,omitempty"`
	// Observed is laid over what was rendered, as a JSON merge patch: of each object its
	// kind, its metadata.name if there are several, and what a controller wrote.
	Observed []observed `json:"observed,omitempty"`

	State  render.State `json:"state"`
	Reason string       `json:"reason,omitempty"`
	// Message is compared when it is written.
	Message string `json:"message,omitempty"`
	Asleep  bool   `json:"asleep,omitempty"`
	// Outputs are compared when they are written, all of them.
	Outputs map[string]string `json:"outputs,omitempty"`
}

// observed is an object of any form.
type observed map[string]any

// UnmarshalYAML takes any mapping. What is refused in all files has been refused before.
func (o *observed) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("wants an object: a mapping with kind and status")
	}
	content := map[string]any{}
	if err := n.Decode(&content); err != nil {
		return fmt.Errorf("is not an object: %w", err)
	}
	// Through JSON, so that numbers are those that a watch gives.
	data, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("is not an object: %w", err)
	}
	return json.Unmarshal(data, (*map[string]any)(o))
}

func (o observed) kind() string { text, _ := o["kind"].(string); return text }

func (o observed) name() string {
	meta, _ := o["metadata"].(map[string]any)
	text, _ := meta["name"].(string)
	return text
}

// speaksOf tells whether o is about the object.
func (o observed) speaksOf(id render.ObjectID) bool {
	version, written := o["apiVersion"].(string)
	return o.kind() == id.Kind && (o.name() == "" || o.name() == id.Name) &&
		(!written || strings.TrimPrefix(id.Group+"/"+id.Version, "/") == version)
}

// health tries every case of a file.
func (t *trial) health(file string, data []byte, unit *render.Unit) {
	doc, problems := strict.Parse(data)
	var all cases
	if doc != nil {
		problems = doc.Decode(&all, nil)
	}
	var findings fleet.Findings
	for _, p := range problems {
		findings = append(findings, fleet.Finding{File: file, Line: p.Line, Column: p.Column, Field: p.Field, Message: p.Message, Hint: p.Hint}.Fit())
	}
	if len(findings) > 0 || len(all.Cases) == 0 {
		if len(findings) == 0 {
			findings = fleet.Findings{{File: file, Message: "has no cases"}}
		}
		t.add(Case{Name: file, Problems: findings})
		return
	}
	for i, j := range all.Cases {
		field := fmt.Sprintf("cases[%d]", i)
		c := Case{Name: file + ": " + j.Name}
		place := func(of, message, hint string) {
			at := doc.Position(field + of)
			c.Problems = append(c.Problems, fleet.Finding{File: file, Line: at.Line, Column: at.Column, Field: field + of, Message: message, Hint: hint}.Fit())
		}
		if j.Name == "" {
			place(".name", "Required value", "people read it")
		}
		if !slices.Contains([]render.State{render.Current, render.InProgress, render.Failed}, j.State) {
			place(".state", fmt.Sprintf("Unsupported value: %q", j.State), "want Current, InProgress or Failed")
		}
		objects := t.lay(j, unit, place)
		if len(c.Problems) == 0 {
			t.judge(j, unit, objects, place)
		}
		t.add(c)
	}
}

// lay makes of a case what a shard holds.
func (t *trial) lay(j judgement, unit *render.Unit, place func(of, message, hint string)) []render.Judged {
	objects := newborn(unit)
	ids := make([]string, len(objects))
	for i, o := range objects {
		ids[i] = o.ID.Kind + "/" + o.ID.Name
	}
	for i, name := range j.Absent {
		found := false
		for k := range objects {
			if ids[k] == name || objects[k].ID.Kind == name {
				objects[k].Present, objects[k].Content, found = false, nil, true
			}
		}
		if !found {
			place(fmt.Sprintf(".absent[%d]", i), fmt.Sprintf("%q is none of the unit's objects", name), nearest(name, ids))
		}
	}
	for i, o := range j.Observed {
		of := fmt.Sprintf(".observed[%d]", i)
		found := slices.DeleteFunc(indexes(len(objects)), func(k int) bool { return !o.speaksOf(objects[k].ID) })
		name := strings.TrimSuffix(o.kind()+"/"+o.name(), "/")
		switch {
		case len(found) == 0:
			place(of, fmt.Sprintf("%q is none of the unit's objects", name), nearest(name, ids))
		case len(found) > 1:
			place(of, fmt.Sprintf("%d of the unit's objects are of kind %s", len(found), o.kind()), "write the metadata.name")
		case objects[found[0]].Content == nil:
			place(of, fmt.Sprintf("%s is not judged, or not there", ids[found[0]]), "health and outputs of provider.yaml say what is")
		default:
			objects[found[0]].Content = merge(objects[found[0]].Content, o)
		}
	}
	return objects
}

func indexes(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// nearest makes a hint of the objects that there are, by kind and name.
func nearest(name string, known []string) string {
	names := slices.Clone(known)
	for _, k := range known {
		kind, _, _ := strings.Cut(k, "/")
		names = append(names, kind)
	}
	if best := strict.Nearest(name, names); best != "" {
		return fmt.Sprintf("did you mean %s?", best)
	}
	return "it has " + strings.Join(known[:min(len(known), 20)], ", ")
}

// judge holds the judgement against what was wanted.
func (t *trial) judge(j judgement, unit *render.Unit, objects []render.Judged, place func(of, message, hint string)) {
	for _, v := range unit.Provider.Verdicts(objects) {
		if v.Judged > 0 && v.Understood {
			if t.seen[v.Field] == nil {
				t.seen[v.Field] = map[render.State]bool{}
			}
			t.seen[v.Field][v.State] = true
		}
	}
	got := unit.Provider.Judge(objects)
	if got.State != j.State || got.Reason != j.Reason {
		place(".state", fmt.Sprintf("is judged %s, want %s", said(got.State, got.Reason), said(j.State, j.Reason)), got.Message)
		return
	}
	if j.Message != "" && got.Message != j.Message {
		place(".message", fmt.Sprintf("is %q, want %q", got.Message, j.Message), "")
	}
	if got.Asleep != j.Asleep {
		place(".asleep", fmt.Sprintf("is %t, want %t", got.Asleep, j.Asleep), "")
	}
	if j.Outputs != nil && !maps.Equal(got.Outputs, j.Outputs) {
		place(".outputs", fmt.Sprintf("are %v, want %v", got.Outputs, j.Outputs), "")
	}
	if got.State == render.Current {
		for _, err := range unit.Provider.CheckOutputs(objects) {
			place("", err.Error(), "what is current has its outputs")
		}
	}
}

func said(state render.State, reason string) string {
	return strings.TrimSpace(string(state) + " " + reason)
}
