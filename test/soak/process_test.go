//go:build e2e

package soak

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a program that is started again whenever it has ended, as a
// supervisor would, until the end of the test.
type process struct {
	name   string
	args   []string
	env    []string
	log    *os.File            // what it prints, of all its lives
	ready  func(*process) bool // whether it works
	clocks bool                // with a clock of its own
	t      *testing.T

	mu     sync.Mutex // guards what follows
	cmd    *exec.Cmd
	done   chan struct{} // closed when this life has ended
	clock  *clock
	life   int         // number of this life
	kills  []time.Time // when we killed it
	meant  bool        // this life ends because we want it to
	worked bool        // this life
	ended  bool        // for good
	early  int         // lives that ended before they worked
}

// start starts the first life, and the supervisor.
func (p *process) start() {
	p.t.Helper()
	if err := p.launch(); err != nil {
		p.t.Fatalf("starting %s: %v", p.name, err)
	}
	p.t.Cleanup(func() { p.end(syscall.SIGKILL) })
}

// launch begins a life and watches over it.
func (p *process) launch() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return nil
	}
	cmd := exec.Command(p.args[0], p.args[1:]...)
	cmd.Env = append(os.Environ(), p.env...)
	cmd.Stdout, cmd.Stderr = p.log, p.log
	var c *clock
	if p.clocks {
		var err error
		if c, err = startWithClock(cmd); err != nil {
			return err
		}
	} else if err := cmd.Start(); err != nil {
		return err
	}
	p.cmd, p.clock, p.done, p.meant, p.worked = cmd, c, make(chan struct{}), false, false
	p.life++
	go p.watch(cmd, c, p.done)
	go p.await(p.done)
	return nil
}

// await notes when a life begins to work.
func (p *process) await(done chan struct{}) {
	for !p.ready(p) {
		select {
		case <-done:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done == done {
		p.worked = true
	}
}

// watch waits for the end of a life. That nobody wanted it is a failure, but
// at the start: a Collector may refuse to start on a full disk.
func (p *process) watch(cmd *exec.Cmd, c *clock, done chan struct{}) {
	_ = cmd.Wait() // ProcessState has the outcome
	if c != nil {
		c.close()
	}
	p.mu.Lock()
	meant, worked := p.meant, p.worked
	if !meant && !worked {
		p.early++
	}
	close(done)
	p.mu.Unlock()
	if meant {
		return
	}
	if worked {
		p.t.Errorf("%s ended by itself: %v; it says last: %s", p.name, cmd.ProcessState, p.lastLine())
	}
	time.Sleep(time.Second)
	if err := p.launch(); err != nil {
		p.t.Errorf("starting %s again: %v", p.name, err)
	}
}

// lastLine is the last line that it has printed.
func (p *process) lastLine() string {
	text, err := os.ReadFile(p.log.Name())
	if err != nil {
		return err.Error()
	}
	text = bytes.TrimSpace(text)
	return string(text[bytes.LastIndexByte(text, '\n')+1:])
}

// kill ends a life with -9; the next begins after a while.
func (p *process) kill(away time.Duration) error {
	p.mu.Lock()
	p.meant = true
	p.kills = append(p.kills, time.Now())
	cmd, done := p.cmd, p.done
	p.mu.Unlock()
	_ = cmd.Process.Signal(syscall.SIGKILL) // it may be dead already
	<-done
	time.Sleep(away)
	return p.launch()
}

// end ends it for good.
func (p *process) end(how os.Signal) {
	p.mu.Lock()
	p.meant, p.ended = true, true
	cmd, done := p.cmd, p.done
	p.mu.Unlock()
	_ = cmd.Process.Signal(how) // it may be dead already
	<-done
}

// signal sends a signal.
func (p *process) signal(s os.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd.Process.Signal(s)
}

// setClock sets the clock of this life.
func (p *process) setClock(off time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.clock.set(off)
}

// working says whether it works now, and in which life.
func (p *process) working() (life int, yes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.life, p.worked
}

func (p *process) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd.Process.Pid
}

// killedBetween says whether it was killed then.
func (p *process) killedBetween(from, to time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range p.kills {
		if k.After(from) && k.Before(to) {
			return true
		}
	}
	return false
}

// healthy asks the health check of a Collector.
func healthy(addr string) func(*process) bool {
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	return func(*process) bool {
		resp, err := client.Get("http://" + addr + "/")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}
}

// fetch gets a page of a Collector's own.
func fetch(url string) (string, error) {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", resp.StatusCode)
	}
	return string(text), err
}

// crashes are the lines of a log that no program of ours may print.
func crashes(path string) (lines []string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	scan := bufio.NewScanner(f)
	scan.Buffer(nil, 16<<20)
	for scan.Scan() {
		for _, word := range []string{"panic:", "fatal error:", "SIGSEGV", "SIGBUS", "DATA RACE"} {
			if strings.Contains(scan.Text(), word) {
				lines = append(lines, word)
			}
		}
	}
	return lines, scan.Err()
}
