package collector

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a running Collector.
type process struct {
	cmd     *exec.Cmd
	metrics string // address of its own metrics
	said    tail
	done    chan struct{} // closed when it has ended
}

// startProcess starts the binary on a configuration. Its data are below dir.
func startProcess(binary, dir, metrics, config string) (*process, error) {
	p := &process{metrics: metrics, done: make(chan struct{})}
	p.cmd = exec.Command(binary, "--config", "yaml:"+config)
	p.cmd.Env = append(os.Environ(), "TRACESCRUB_DATA="+dir, "GOGC=", "GOMEMLIMIT=")
	p.cmd.Stdout, p.cmd.Stderr = &p.said, &p.said
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the Collector: %w", err)
	}
	go func() {
		_ = p.cmd.Wait() // ProcessState has the outcome
		close(p.done)
	}()
	return p, nil
}

// ended returns an error with the last lines of the log if the process has.
func (p *process) ended() error {
	select {
	case <-p.done:
		return fmt.Errorf("the Collector has ended: %s", p.said.String())
	default:
		return nil
	}
}

// stop ends it as an operator would.
func (p *process) stop() error {
	if err := p.ended(); err != nil {
		return err
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stopping the Collector: %w", err)
	}
	select {
	case <-p.done:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill() // it is told of below
		<-p.done
		return fmt.Errorf("the Collector did not end in %s", patience)
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("the Collector ended with exit code %d: %s", code, p.said.String())
	}
	return nil
}

// tick is the unit of times in /proc; it is the same on all systems that Go runs on.
const tick = 10 * time.Millisecond

// cpu is the time that all threads have spent on a core, in the process and in
// the system for it.
func (p *process) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "stat"))
	if err != nil {
		return 0, fmt.Errorf("the CPU time of a process is read from /proc: %w", err)
	}
	return cpuOf(string(stat))
}

// cpuOf reads utime and stime, the 14th and 15th field of stat. The second one
// is a name in brackets, in which anything can be.
func cpuOf(stat string) (time.Duration, error) {
	rest, ok := behindLast(stat, ")")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 13 {
		return 0, errors.New("/proc stat has another form")
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("/proc stat: %w", err)
	}
	system, err := strconv.ParseInt(fields[12], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("/proc stat: %w", err)
	}
	return time.Duration(user+system) * tick, nil
}

// behindLast returns what stands behind the last sep of s.
func behindLast(s, sep string) (rest string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return "", false
	}
	return s[i+len(sep):], true
}

// resident returns what is in memory now, and the most that ever was, in bytes.
func (p *process) resident() (now, most int64, err error) {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "status"))
	if err != nil {
		return 0, 0, fmt.Errorf("the memory of a process is read from /proc: %w", err)
	}
	return residentOf(string(status))
}

func residentOf(status string) (now, most int64, err error) {
	for line := range strings.Lines(status) {
		name, value, _ := strings.Cut(line, ":")
		to := map[string]*int64{"VmRSS": &now, "VmHWM": &most}[name]
		if to == nil {
			continue
		}
		kb, _, _ := strings.Cut(strings.TrimSpace(value), " ")
		n, err := strconv.ParseInt(kb, 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("/proc status: %w", err)
		}
		*to = n << 10
	}
	if now == 0 || most == 0 {
		return 0, 0, errors.New("/proc status has another form")
	}
	return now, most, nil
}

// metric asks the Collector for the sum of one of its own metrics over all its
// attributes that match label.
func (p *process) metric(ctx context.Context, name, label string) (float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.metrics+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("asking for metrics: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, fmt.Errorf("reading metrics: %w", err)
	}
	return metricOf(string(text), name, label)
}

// metricOf adds up the lines of a metric. That there is none is zero: counters
// appear when they first count.
func metricOf(text, name, label string) (sum float64, err error) {
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || !strings.HasPrefix(rest, "{") && !strings.HasPrefix(rest, " ") || !strings.Contains(rest, label) {
			continue
		}
		value, _ := behindLast(strings.TrimSpace(rest), " ")
		if value == "" {
			value = strings.TrimSpace(rest)
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, fmt.Errorf("metric %s: %w", name, err)
		}
		sum += v
	}
	return sum, nil
}

// tail keeps the end of what a process prints.
type tail struct {
	mu  sync.Mutex
	buf []byte // guarded by mu
}

const tailBytes = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - tailBytes; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.buf))
}

// freePorts finds ports on loopback that nobody listens on.
func freePorts(ctx context.Context, n int) ([]string, error) {
	var addrs []string
	for range n {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("looking for a free port: %w", err)
		}
		defer l.Close()
		addrs = append(addrs, l.Addr().String())
	}
	return addrs, nil
}
