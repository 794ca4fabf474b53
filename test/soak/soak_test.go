//go:build e2e

package soak

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// setting reads the environment.
func setting[T any](t *testing.T, name string, otherwise T, parse func(string) (T, error)) T {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	v, err := parse(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// TestSoak runs two gateways, two gates and the audit log under load and
// faults, then mends everything and wants to know where each span is.
//
//	SOAK=30m        how long
//	SOAK_SEED=1     which faults, when; printed
//	SOAK_RATE=10    requests a second
//	SOAK_KAFKA=real three brokers of Apache Kafka in place of the fake one
//	SOAK_DIR=/tmp/x where all files are; they stay
func TestSoak(t *testing.T) {
	total := setting(t, "SOAK", 2*time.Minute, time.ParseDuration)
	rate := setting(t, "SOAK_RATE", 10, strconv.Atoi)
	seed := setting(t, "SOAK_SEED", uint64(time.Now().UnixNano()), func(s string) (uint64, error) { return strconv.ParseUint(s, 10, 64) })
	t.Logf("SOAK=%s SOAK_SEED=%d SOAK_RATE=%d", total, seed, rate)
	w := newWorld(t, seed)
	faults := plan(seed, total)
	t.Logf("%d faults", len(faults))

	give, surrender := context.WithCancel(t.Context()) // senders send again until then
	defer surrender()
	watching, look := context.WithCancel(t.Context())
	defer look()
	seen := make(chan []*watched, 1)
	go func() { seen <- w.watch(watching, max(total/180, 2*time.Second)) }()
	deciding, decided := context.WithCancel(t.Context())
	approved := make(chan struct{})
	go func() { w.approvers(deciding); close(approved) }()
	senders := w.startSenders(give, time.After(total), rate)
	happened := w.run(t.Context(), faults)
	for _, kind := range kinds {
		if happened[kind] == 0 {
			t.Errorf("nothing of this kind happened: %s", kind)
		}
	}

	t.Log("no faults any more")
	for _, p := range w.processes() {
		w.works(p)
	}
	late := time.AfterFunc(patience, surrender)
	senders.all.Wait()
	late.Stop()
	ok := soon(func() bool {
		time.Sleep(time.Second)
		return w.tell(t) && w.ledger.account(w.killed).done()
	})
	decided()
	<-approved
	look()
	w.close(t, <-seen, total >= 10*time.Minute, ok)
}

func (w *world) processes() (all []*process) {
	for _, c := range w.collectors() {
		all = append(all, c.process)
	}
	return all
}

func (w *world) killed(by string, from, to time.Time) bool {
	for _, p := range w.processes() {
		if p.name == by {
			return p.killedBetween(from, to)
		}
	}
	return false
}

// tell brings what the gates say of all items into the ledger, and says
// whether both say the same of those that both know: what is over may be
// forgotten, by a gate that starts when Kafka has compacted its index.
func (w *world) tell(t *testing.T) bool {
	t.Helper()
	said := map[string]string{}
	for _, g := range w.gates {
		all, err := w.list(t.Context(), g, "")
		if err != nil {
			return false
		}
		for _, it := range all {
			if it.State == "pending" && !w.look(t.Context(), g, it) {
				return false
			}
			if before, known := said[it.ID]; known && over(before) != over(it.State) {
				return false
			}
			said[it.ID] = it.State
		}
	}
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	for id, it := range w.ledger.items {
		it.state = "forgotten"
		if state, known := said[id]; known {
			it.state = state
		}
	}
	return true
}

// over says whether nothing more becomes of an item in a state.
func over(state string) bool {
	return state != "pending" && state != "approved" && state != "releasing"
}

// close makes the account.
func (w *world) close(t *testing.T, seen []*watched, long, settled bool) {
	t.Helper()
	if !settled {
		w.ledger.complain("after %s without faults not everything has come", patience)
	}
	for _, s := range seen {
		for _, line := range s.judge(w.ledger, long) {
			t.Log(line)
		}
	}
	for _, p := range w.processes() {
		t.Logf("%s: %d lives, %d ended at their start", p.name, p.life, p.early)
		p.end(syscall.SIGTERM)
		if code := p.cmd.ProcessState.ExitCode(); code != 0 {
			w.ledger.complain("%s: exit code %d after SIGTERM", p.name, code)
		}
		words, err := crashes(p.log.Name())
		if err != nil {
			t.Error(err)
		}
		if len(words) > 0 {
			w.ledger.complain("%s has printed %q", p.name, words)
		}
	}
	w.kafka.end()
	w.verifyLog(t)
	files, size, err := w.ledger.search(w.dir)
	if err != nil {
		t.Errorf("looking for secrets: %v", err)
	}
	for name, text := range w.kafka.files() {
		files, size = files+1, size+int64(len(text))
		if w.ledger.leaks(text) {
			w.ledger.complain("a secret is in %s", name)
		}
	}
	t.Logf("searched for secrets: %d files, %d MB", files, size>>20)
	t.Logf("answers of the backend: %v", w.backend.answer)
	t.Logf("senders were told to send again %d times; %d items", w.ledger.refused, len(w.ledger.items))
	a := w.ledger.account(w.killed)
	t.Log(a)
	for i, what := range a.wrong {
		if i == 50 {
			t.Errorf("and %d more", len(a.wrong)-i)
			break
		}
		t.Error(what)
	}
	if a.of[delivered] == 0 || a.of[released] == 0 || a.of[pending] == 0 || a.of[denied] == 0 {
		t.Error("the run had not all that can become of a span")
	}
}

// verifyLog wants the audit log to be whole, and nothing in it to have expired:
// no clock was wrong for long.
func (w *world) verifyLog(t *testing.T) {
	t.Helper()
	out, err := exec.Command(bin(t, "tracescrub"), "audit", "verify", "--key", filepath.Join(w.log.data, "audit/log.pub"), filepath.Join(w.log.data, "audit")).CombinedOutput()
	if err != nil {
		t.Errorf("tracescrub audit verify: %v\n%s", err, out)
	}
	segments, err := filepath.Glob(filepath.Join(w.log.data, "audit/segment-*.jsonl"))
	if err != nil || len(segments) == 0 {
		t.Errorf("the audit log has no entries: %v", err)
	}
	kinds := map[string]int{}
	for _, path := range segments {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
		}
		for _, kind := range []string{"masked", "held", "viewed", "voted", "approved", "denied", "expired", "released", "shredded", "gap"} {
			kinds[kind] += strings.Count(string(text), `"tracescrub.`+kind+`"`)
		}
	}
	t.Logf("audit log: %v", kinds)
	if kinds["expired"] > 0 {
		t.Errorf("%d items have expired before their time", kinds["expired"])
	}
}
