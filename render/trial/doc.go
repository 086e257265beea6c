// Package trial puts a provider to the test with the data that stands in its own folder.
//
//	testdata/<name>.input.yaml    what a unit is rendered from (render.Example)
//	testdata/<name>.golden.yaml   what it is rendered to (render.Unit.Golden)
//	testdata/<name>.health.yaml   how the unit is judged, as a shard may hold it
//
// Besides, what no provider may do is tried without being asked for: a unit is the same
// each time that it is rendered, it keeps the policy of what may be rendered, and it is
// not current while nobody has looked at its objects yet.
//
// # Why
//
// A provider is data, so its tests are data: who writes one for an operator of their own
// writes no Go. The built-in providers are tried by the same code, in the tests of
// package render. It is pure: what it would write anew, it hands back.
package trial
