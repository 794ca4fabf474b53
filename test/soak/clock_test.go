//go:build e2e

package soak

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

const tellTime = "SOAK_TELL_TIME"

// TestMain is also the program whose clock TestClock sets: it tells the time
// for each line that it reads.
func TestMain(m *testing.M) {
	if os.Getenv(tellTime) == "" {
		os.Exit(m.Run())
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		fmt.Println(time.Now().Unix())
	}
}

// TestClock sees that a process believes the clock that it is given.
func TestClock(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), tellTime+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c, err := startWithClock(cmd)
	if err != nil {
		if os.Getenv("E2E") == "all" {
			t.Fatal(err)
		}
		t.Logf("left out: %v", err)
		return
	}
	t.Cleanup(func() {
		c.close()
		_ = in.Close()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for _, off := range []time.Duration{0, time.Hour, -72 * time.Hour, 0} {
		if err := c.set(off); err != nil {
			t.Fatal(err)
		}
		before := time.Now().Add(off).Unix()
		if _, err := fmt.Fprintln(in); err != nil || !lines.Scan() {
			t.Fatal("no answer", err)
		}
		told, err := strconv.ParseInt(lines.Text(), 10, 64)
		if after := time.Now().Add(off).Unix(); err != nil || told < before || told > after {
			t.Errorf("clock set %s off: the process is %d s wrong, %v", off, told-before, err)
		}
	}
}
