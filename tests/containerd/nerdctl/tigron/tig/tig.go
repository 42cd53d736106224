// Package tig stands in for the part of nerdctl's test framework that the program imports: its module lies beside that
// of nerdctl in one repository and has no version of its own.
package tig

// T is what that framework asks of a test.
type T interface {
	Helper()
	FailNow()
	Fail()
	Log(args ...any)
	Name() string
	TempDir() string
}
