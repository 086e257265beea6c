package simulation

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// acts are what people and faults do, by name. One that finds nothing to do does nothing.
var acts map[string]func(*world, Act)

func init() { //nolint:gochecknoinits // the table names acts that read histories, which name the table
	acts = map[string]func(*world, Act){}
	maps.Copy(acts, peopleActs)
	maps.Copy(acts, faultActs)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// commit has a person push files to the declared branch.
func (w *world) commit(message string, files map[string][]byte) {
	if _, err := w.git.Commit(declaredBranch, files, message); err != nil {
		w.t.Fatalf("commit %s: %v", message, err)
	}
	w.judge.look()
}

// files are those of the declared branch; none when there is no branch.
func (w *world) files() map[string][]byte {
	tip := w.git.Tip(declaredBranch)
	if tip == "" {
		return nil
	}
	files, err := w.git.Files(tip)
	if err != nil {
		w.t.Fatal(err)
	}
	return files
}

func (a Act) get(key, other string) string {
	if value, ok := a.Args[key]; ok {
		return value
	}
	return other
}

func (a Act) number(key string, other int) int {
	n, err := strconv.Atoi(a.Args[key])
	if err != nil {
		return other
	}
	return n
}

func (a Act) pause(key string, other time.Duration) time.Duration {
	d, err := time.ParseDuration(a.Args[key])
	if err != nil {
		return other
	}
	return d
}

// replica is the one that an act is about; nil when there is none of that name.
func (w *world) replica(a Act) *replica {
	i := slices.IndexFunc(w.replicas, func(r *replica) bool { return r.name == a.get("replica", "a") })
	if i < 0 {
		return nil
	}
	return w.replicas[i]
}

// reached are the replicas and targets that an act is about: all, unless it names one.
func (w *world) reached(a Act) (all []*weather) {
	for _, r := range w.replicas {
		if name, one := a.Args["replica"]; one && name != r.name {
			continue
		}
		for _, target := range append([]string{gitHost}, clusterNames...) {
			if name, one := a.Args["target"]; !one || name == target || name == "git" && target == gitHost {
				all = append(all, w.weatherOf(r.name, target))
			}
		}
	}
	return all
}
