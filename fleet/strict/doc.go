// Package strict reads and writes YAML documents without leniency.
//
// Parse takes one document and refuses what makes YAML ambiguous or dangerous:
// anchors and aliases, tags, more than one document, odd characters, deep nests.
// Decode fills a plain struct by its json tags and refuses unknown and repeated
// keys, nulls, empty strings and values of another type. Both collect everything
// that is wrong, each Problem with its place; Position answers where a field
// stands, and Within where a character of its text does, so that later checks can
// speak of fields alone.
//
// # Why
//
// A fleet's files are reviewed by people: what a reviewer reads must be what is
// in force. Decoders that go through JSON lose the places; decoders that take
// the first or the last of two equal keys show the reviewer the wrong one.
package strict
