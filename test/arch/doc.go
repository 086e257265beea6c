// Package arch_test holds the house to its plan: which room may import which,
// and that the documentation of the formats knows every field.
//
// Third-party packages are judged by the linter (depguard in .golangci.yml):
// an editor shows that while one types. What rooms of ours may import is judged
// here, because it is one table that a reader can take in at a glance.
package arch_test
