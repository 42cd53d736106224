package main

import (
	"fmt"
	"os"
	"slices"
)

// run is what a bed takes for a test: it cleans up at the end, and ends at the first failure.
type run struct {
	cleanups []func()
	failed   bool
}

func (r *run) Helper()          {}
func (r *run) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *run) Failed() bool     { return r.failed }

func (r *run) Logf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}

func (r *run) Errorf(format string, args ...any) {
	r.failed = true
	r.Logf(format, args...)
}

func (r *run) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	r.end()
}

func (r *run) check(err error) {
	if err != nil {
		r.Fatalf("%v", err)
	}
}

// end cleans up and leaves the program, if it failed.
func (r *run) end() {
	cleanups := r.cleanups
	r.cleanups = nil
	for _, cleanup := range slices.Backward(cleanups) {
		cleanup()
	}
	if r.failed {
		os.Exit(1)
	}
}
