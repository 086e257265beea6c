package node

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// rewriter translates what a manifest says about a container into what holds
// for a process. The zero value of a field translates nothing.
type rewriter struct {
	// ip is the pod's address, for which wildcard and localhost stand.
	ip netip.Addr
	// mounts are from mount path to folder.
	mounts map[string]string
	// service returns the address of a name such as etcd.db.svc; nil for
	// programs that can ask for it themselves.
	service func(host string) (string, bool)
}

// listenAll is an argument or value that is nothing but a port to listen on.
var listenAll = regexp.MustCompile(`^((?:--?[A-Za-z0-9_.-]+=)?):([0-9]+)$`)

// value translates an argument or the value of a variable.
func (r rewriter) value(s string) string {
	if m := listenAll.FindStringSubmatch(s); m != nil && r.ip.IsValid() {
		return m[1] + r.ip.String() + ":" + m[2]
	}
	return r.urls(r.paths(r.addresses(s)))
}

// file translates the content of a file of a Secret or ConfigMap if it is a
// Kubernetes configuration, such as a kubeconfig: those name files by mount path.
func (r rewriter) file(b []byte) []byte {
	s := string(b)
	if !strings.HasPrefix(s, "{") && !configKind.MatchString(s) {
		return b
	}
	return []byte(r.paths(r.addresses(s)))
}

var configKind = regexp.MustCompile(`(?m)^kind: *"?[A-Za-z]`)

// addresses puts the pod's address for wildcard and localhost.
func (r rewriter) addresses(s string) string {
	if !r.ip.IsValid() {
		return s
	}
	ip := r.ip.String()
	for _, a := range []string{"0.0.0.0", "127.0.0.1", "[::]", "[::1]"} {
		s = replaceWord(s, a, ip, func(before, after string) bool {
			return !endsIn(before, hostByte) && !beginsWith(after, hostByte) && !isPrefixLength(a, after)
		})
	}
	return replaceWord(s, "localhost", ip, func(before, after string) bool {
		return strings.HasSuffix(before, "://") && !beginsWith(after, hostByte)
	})
}

// isPrefixLength tells 0.0.0.0/0, everybody's addresses, from a wildcard to listen on.
func isPrefixLength(a, after string) bool {
	return a == "0.0.0.0" && strings.HasPrefix(after, "/")
}

// paths puts folders for mount paths, the longest first.
func (r rewriter) paths(s string) string {
	mounts := make([]string, 0, len(r.mounts))
	for m := range r.mounts {
		mounts = append(mounts, m)
	}
	slices.SortFunc(mounts, func(a, b string) int { return len(b) - len(a) })
	var out strings.Builder
next:
	for i := 0; i < len(s); {
		if s[i] == '/' && !endsIn(s[:i], pathByte) {
			for _, m := range mounts {
				if rest, ok := strings.CutPrefix(s[i:], m); ok && (!beginsWith(rest, pathByte) || rest[0] == '/') {
					out.WriteString(r.mounts[m])
					i += len(m)
					continue next
				}
			}
		}
		out.WriteByte(s[i])
		i++
	}
	return out.String()
}

var serviceURL = regexp.MustCompile(`[a-z][a-z0-9+.-]*://[a-z0-9.-]+\.svc(?:\.cluster\.local)?(?::[0-9]+)?(?:[/?,;\s"']|$)`)

// urls puts addresses for names of Services, in URLs only: a name that stands
// alone, as a server's name for TLS, is meant as a name.
func (r rewriter) urls(s string) string {
	if r.service == nil {
		return s
	}
	return serviceURL.ReplaceAllStringFunc(s, func(found string) string {
		u, err := url.Parse(strings.TrimRight(found, "/?,; \t\n\"'"))
		if err != nil {
			return found
		}
		ip, ok := r.service(u.Hostname())
		if !ok {
			return found
		}
		return strings.Replace(found, u.Hostname(), ip, 1)
	})
}

// replaceWord replaces old where ok says so of what stands around it.
func replaceWord(s, old, new string, ok func(before, after string) bool) string {
	var out strings.Builder
	for rest := s; ; {
		i := strings.Index(rest, old)
		if i < 0 {
			out.WriteString(rest)
			return out.String()
		}
		done := len(s) - len(rest)
		out.WriteString(rest[:i])
		if ok(s[:done+i], rest[i+len(old):]) {
			out.WriteString(new)
		} else {
			out.WriteString(old)
		}
		rest = rest[i+len(old):]
	}
}

func endsIn(s string, is func(byte) bool) bool     { return s != "" && is(s[len(s)-1]) }
func beginsWith(s string, is func(byte) bool) bool { return s != "" && is(s[0]) }

func hostByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_'
}

func pathByte(c byte) bool { return hostByte(c) || c == '/' }
