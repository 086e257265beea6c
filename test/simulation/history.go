package simulation

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// History is what happens to a fleet: a text that can be kept, shortened and lived through
// again.
//
//	# what it is about
//	seed 42
//	set replicas=2 lease=15s
//	+10s declare tenant=ant class=host
//	+2m  cut replica=a target=red
type History struct {
	// Name and Why are for regressions that are kept.
	Why []string
	// Seed is chance's: latencies, which requests have a fate.
	Seed uint64
	Settings
	Acts []Act
	// Verbose tells of every request.
	Verbose bool
}

// Settings are a history's, from its beginning to its end.
type Settings struct {
	Replicas int
	// Lease, Interval, Status and Look are the daemon's options; Retention is the fleet's.
	Lease, Interval, Status, Look, Retention time.Duration
	// WatchLists: API servers stream lists.
	WatchLists bool
	// Limit is the brake's.
	Limit int
}

// Act is one thing that people or faults do.
type Act struct {
	// After is how much time passes before.
	After time.Duration
	// Do names it; Args say to what.
	Do   string
	Args map[string]string
}

func (a Act) String() string {
	text := "+" + a.After.String() + " " + a.Do
	for _, key := range slices.Sorted(maps.Keys(a.Args)) {
		text += " " + key + "=" + a.Args[key]
	}
	return text
}

// String is the history as text.
func (h *History) String() string {
	var b strings.Builder
	for _, why := range h.Why {
		fmt.Fprintln(&b, "#", why)
	}
	fmt.Fprintln(&b, "seed", h.Seed)
	fmt.Fprintf(&b, "set interval=%v lease=%v limit=%d look=%v replicas=%d retention=%v status=%v watchlists=%v\n",
		h.Interval, h.Lease, h.Limit, h.Look, h.Replicas, h.Retention, h.Status, h.WatchLists)
	for _, a := range h.Acts {
		fmt.Fprintln(&b, a)
	}
	return b.String()
}

// Parse reads a history. An error names the line.
func Parse(r io.Reader) (*History, error) {
	h := &History{Settings: defaults()}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		if err := h.line(strings.TrimSpace(lines.Text())); err != nil {
			return nil, fmt.Errorf("read history: line %d: %w", n, err)
		}
	}
	return h, lines.Err()
}

func (h *History) line(text string) error {
	words := strings.Fields(text)
	switch {
	case text == "":
		return nil
	case text[0] == '#':
		h.Why = append(h.Why, strings.TrimSpace(text[1:]))
		return nil
	case words[0] == "seed" && len(words) == 2:
		seed, err := strconv.ParseUint(words[1], 10, 64)
		h.Seed = seed
		return err
	case words[0] == "set":
		args, err := arguments(words[1:])
		if err != nil {
			return err
		}
		return h.set(args)
	case strings.HasPrefix(text, "+") && len(words) >= 2:
		pause, err := time.ParseDuration(words[0][1:])
		if err != nil {
			return err
		}
		args, err := arguments(words[2:])
		if err != nil {
			return err
		}
		if acts[words[1]] == nil {
			return fmt.Errorf("nobody knows how to %s", words[1])
		}
		h.Acts = append(h.Acts, Act{After: pause, Do: words[1], Args: args})
		return nil
	}
	return fmt.Errorf("%q is no seed, no setting and no act", text)
}

func arguments(words []string) (map[string]string, error) {
	args := map[string]string{}
	for _, word := range words {
		key, value, ok := strings.Cut(word, "=")
		if !ok {
			return nil, fmt.Errorf("%q: want key=value", word)
		}
		args[key] = value
	}
	return args, nil
}

func defaults() Settings {
	return Settings{
		Replicas: 1, Lease: 30 * time.Second, Interval: time.Minute, Status: 10 * time.Second, Look: 30 * time.Second,
		Retention: 10 * time.Minute, Limit: 3,
	}
}

func (h *History) set(args map[string]string) error {
	durations := map[string]*time.Duration{
		"interval": &h.Interval, "lease": &h.Lease, "look": &h.Look, "retention": &h.Retention, "status": &h.Status,
	}
	for key, value := range args {
		var err error
		switch d := durations[key]; {
		case d != nil:
			*d, err = time.ParseDuration(value)
		case key == "replicas":
			h.Replicas, err = strconv.Atoi(value)
		case key == "limit":
			h.Limit, err = strconv.Atoi(value)
		case key == "watchlists":
			h.WatchLists, err = strconv.ParseBool(value)
		default:
			err = fmt.Errorf("there is no setting %s", key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
