package simulation

import (
	"bytes"
	"maps"
)

// Effect is how often an act was made, and how often there was something that it changed.
type Effect struct {
	Made int `json:"made"`
	Done int `json:"done"`
}

// effects are those of a history's acts, by what they do and how.
type effects map[string]*Effect

// of gives that of an act.
func (e effects) of(a Act) *Effect {
	name := a.Do
	for _, key := range []string{"branch", "how", "kind", "what"} {
		if value := a.Args[key]; value != "" && (key != "kind" || a.Do == "fail") {
			name += " " + value
		}
	}
	if e[name] == nil {
		e[name] = &Effect{}
	}
	return e[name]
}

// act has people or faults do something, and notes whether anything came of it.
func (w *world) act(a Act) {
	w.say("%s", a)
	faults, files := w.faults, w.files()
	acts[a.Do](w, a)
	effect := w.effects.of(a)
	effect.Made++
	if w.faults > faults || !maps.EqualFunc(files, w.files(), bytes.Equal) {
		effect.Done++
	}
}
