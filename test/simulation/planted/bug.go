package planted

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Variable is the environment's variable that names the bug which a process has.
const Variable = "TENANTRY_PLANTED"

//go:embed bugs
var patches embed.FS

// Bug is one fault of the product.
type Bug struct {
	// Name is a word of what goes wrong: the patch's file without its ending.
	Name string
	// What it is, and where one like it was Seen; each is one line.
	What, Seen string
	// Edits make the product have it.
	Edits []Edit
	// History is the path of a history in which it shows, relative to this package; empty
	// when the first seeds show it soon enough.
	History string
}

// Edit is a passage of a file, as it is and as the bug has it: whole lines.
type Edit struct{ File, Old, New string }

// Bugs are all there are, by name.
func Bugs() ([]Bug, error) {
	files, err := fs.Glob(patches, "bugs/*.patch")
	if err != nil {
		return nil, fmt.Errorf("list bugs: %w", err)
	}
	slices.Sort(files)
	all := make([]Bug, len(files))
	for i, file := range files {
		data, err := patches.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read bug %s: %w", file, err)
		}
		name := strings.TrimSuffix(path.Base(file), ".patch")
		if all[i], err = parse(name, string(data)); err != nil {
			return nil, fmt.Errorf("read bug %s: %w", name, err)
		}
		history := "bugs/" + name + ".txt"
		if _, err := fs.Stat(patches, history); err == nil {
			all[i].History = history
		}
	}
	return all, nil
}

// parse reads a patch: two lines of words, then a hunk for each passage. Hunks have no
// line numbers, since what they change is found by its text.
func parse(name, text string) (Bug, error) {
	b := Bug{Name: name}
	file, open := "", false
	for n, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		seen, isSeen := strings.CutPrefix(line, "Seen: ")
		to, isFile := strings.CutPrefix(line, "--- ")
		switch {
		case n == 0:
			b.What = line
		case n == 1 && isSeen:
			b.Seen = seen
		case isFile:
			file, open = to, false
		case strings.HasPrefix(line, "@@") && file != "":
			b.Edits, open = append(b.Edits, Edit{File: file}), true
		case line == "" && !open:
		case open:
			if err := b.Edits[len(b.Edits)-1].add(line); err != nil {
				return Bug{}, fmt.Errorf("line %d: %w", n+1, err)
			}
		default:
			return Bug{}, fmt.Errorf("line %d: %q stands in no hunk", n+1, line)
		}
	}
	return b, b.check()
}

// add takes in one line of a hunk; an empty one is as good as one of a space.
func (e *Edit) add(line string) error {
	if line == "" {
		line = " "
	}
	text := line[1:] + "\n"
	switch line[0] {
	case ' ':
		e.Old, e.New = e.Old+text, e.New+text
	case '-':
		e.Old += text
	case '+':
		e.New += text
	default:
		return fmt.Errorf("%q begins neither with a space nor with - or +", line)
	}
	return nil
}

func (b *Bug) check() error {
	switch {
	case b.What == "" || b.Seen == "":
		return errors.New("its first two lines say what it is and, after Seen:, where one like it was seen")
	case len(b.Edits) == 0:
		return errors.New("it changes nothing")
	}
	for _, e := range b.Edits {
		if e.Old == e.New || e.Old == "" {
			return fmt.Errorf("a hunk of %s changes nothing, or stands nowhere", e.File)
		}
	}
	return nil
}

// apply gives a file as the bug has it.
func (b *Bug) apply(file, src string) (string, error) {
	for _, e := range b.Edits {
		if e.File != file {
			continue
		}
		switch n := strings.Count("\n"+src, "\n"+e.Old); n {
		case 1:
			at := strings.Index("\n"+src, "\n"+e.Old)
			src = src[:at] + e.New + src[at+len(e.Old):]
		case 0:
			return "", fmt.Errorf("the product has moved on: %s no longer has the lines\n%s", file, e.Old)
		default:
			return "", fmt.Errorf("%s has these lines %d times, take more of what stands around them:\n%s", file, n, e.Old)
		}
	}
	return src, nil
}
