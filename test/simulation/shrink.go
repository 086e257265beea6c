package simulation

import "slices"

// Shrink leaves out of a history what does not matter: as long as fails still says of the
// rest that it fails. It looks at acts one by one and in runs, and gives up after tries.
func Shrink(h *History, tries int, fails func(*History) bool) *History {
	best := h
	for size := max(len(best.Acts)/2, 1); tries > 0; {
		smaller := false
		for at := 0; at < len(best.Acts) && tries > 0; {
			tries--
			less := *best
			end := min(at+size, len(best.Acts))
			less.Acts = slices.Delete(slices.Clone(best.Acts), at, end)
			if end < len(best.Acts) { // what comes later keeps its time
				for _, a := range best.Acts[at:end] {
					less.Acts[at].After += a.After
				}
			}
			if fails(&less) {
				best, smaller = &less, true
			} else {
				at += size
			}
		}
		if size == 1 && !smaller {
			break
		}
		size = max(size/2, 1)
	}
	return best
}
