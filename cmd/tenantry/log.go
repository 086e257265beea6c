package main

import (
	"io"
	"log/slog"
)

// logger writes to stderr: the daemon has no answers, only events.
func (c *config) logger(stderr io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.logLevel)); err != nil {
		return nil, err
	}
	options := &slog.HandlerOptions{Level: level}
	if c.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(stderr, options)), nil
	}
	return slog.New(slog.NewTextHandler(stderr, options)), nil
}
