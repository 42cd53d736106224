package bed

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// patience is how long anything may take before it counts as hung.
const patience = time.Minute

// Process is a program that runs in the bed until it is stopped.
type Process struct {
	bed    *Bed
	name   string
	log    string
	cmd    *exec.Cmd
	exited chan struct{}
}

// start runs a program, logs to the bed, and waits until it is ready. It is stopped when the test ends.
func (b *Bed) start(name string, ready func(*Process) bool, program string, args ...string) *Process {
	b.Helper()
	p := &Process{bed: b, name: name, log: b.Path(name + ".log"), exited: make(chan struct{})}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	b.check(err)
	defer log.Close()
	p.cmd = exec.Command(program, args...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.Env = append(os.Environ(), "PATH="+toolDir()+":"+os.Getenv("PATH"))
	// A process group of its own: an interrupt of the test must not overtake the order of the clean-up.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	b.check(p.cmd.Start())
	go func() {
		_ = p.cmd.Wait()
		close(p.exited)
	}()
	b.Cleanup(func() {
		p.Stop()
		if b.Failed() {
			b.Logf("%s\n%s", p.log, p.tail())
		}
	})
	if !Await(patience, func() bool { return p.Exited() || ready(p) }) || p.Exited() {
		b.Fatalf("%s does not get ready", name)
	}
	return p
}

// Pid is the id of the process.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Exited tells whether the process has ended.
func (p *Process) Exited() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// Stop asks the process to end, and waits until it has.
func (p *Process) Stop() {
	p.bed.Helper()
	if p.Exited() {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.Kill()
		p.bed.Errorf("%s does not stop", p.name)
	}
}

// Kill ends the process without a warning.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

func (p *Process) logged() string {
	text, _ := os.ReadFile(p.log)
	return string(text)
}

func (p *Process) tail() string {
	const lines = 25
	all := strings.Split(p.logged(), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
