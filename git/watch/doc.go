// Package watch says when to look at a repository: after an interval, and at once
// when a local repository's references change or a Git host calls a webhook.
//
// It is level-triggered. A signal carries nothing but "look now", several of them
// become one, and a lost one costs an interval and no truth: whoever receives it
// fetches and compares.
package watch
