package corpus

import (
	"bytes"
	"os"
	"testing"
	"testing/fstest"
)

func load(t testing.TB) *Corpus {
	t.Helper()
	c, err := Load(os.DirFS("../../testdata/corpus"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func fill(t testing.TB, seed uint64, names ...string) []Case {
	t.Helper()
	cases, err := load(t).Fill(seed, names...)
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

// The scorer finds every secret that the filler planted, and nothing to find fault with in an ideal masker's work.
func TestFillAndScoreAgree(t *testing.T) {
	for _, seed := range []uint64{1, 2} {
		var raw, ideal Result
		for _, c := range fill(t, seed) {
			raw.Add(Score(c, c.Payload))
			ideal.Add(Score(c, c.Ideal))
		}
		for d, x := range raw.By {
			if x.Leaked != x.Rows || x.Rows == 0 {
				t.Errorf("seed %d: the scorer sees %d of %d rows of difficulty %s in untouched payloads", seed, x.Leaked, x.Rows, d)
			}
		}
		t.Logf("%+v", raw.By)
		if n := raw.Elsewhere + ideal.Elsewhere + ideal.Leaked() + ideal.Windows + ideal.DecoysDestroyed + ideal.AmbiguousDestroyed +
			ideal.CleanChanged + ideal.JSONBroken + ideal.Shape + ideal.Types + ideal.IDs + ideal.WordsLost + ideal.Inconsistent + ideal.Unreadable; n > 0 {
			t.Errorf("seed %d: %d faults in ideal payloads", seed, n)
		}
		for i, n := range ideal.Notes {
			if i < 60 {
				t.Log(n)
			}
		}
	}
}

func TestSeedsDiffer(t *testing.T) {
	a, again, b := fill(t, 1, "dirty_mcp")[0], fill(t, 1, "dirty_mcp")[0], fill(t, 2, "dirty_mcp")[0]
	if !bytes.Equal(a.Payload, again.Payload) {
		t.Error("the same seed gives two payloads")
	}
	for i := range a.Secrets {
		if a.Secrets[i].plain == b.Secrets[i].plain {
			t.Errorf("secret %s is the same with two seeds", a.Secrets[i].ID)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, fsys := range map[string]fstest.MapFS{
		"an empty folder": {},
		"broken JSON":     {"a.json": {Data: []byte(`{"name":`)}},
		"another name":    {"a.json": {Data: []byte(`{"name":"b"}`)}},
	} {
		if _, err := Load(fsys); err == nil {
			t.Errorf("%s is loaded without an error", name)
		}
	}
}

func TestLeaveOut(t *testing.T) {
	cases, err := load(t).LeaveOut("dirty_mcp", "s05").Fill(1, "dirty_mcp")
	if err != nil {
		t.Fatal(err)
	}
	c := cases[0]
	for _, r := range c.Rows {
		if r.Secret == "s05" {
			t.Errorf("%v is still there", r)
		}
	}
	if len(c.Rows) == 0 || !bytes.Contains(c.Payload, []byte("<left out>")) || bytes.Contains(c.Payload, []byte("{{s")) {
		t.Error("the rest is not filled")
	}
	if n := len(fill(t, 1, "dirty_mcp")[0].Secrets); n != len(c.Secrets)+1 {
		t.Errorf("%d secrets of %d are left", len(c.Secrets), n)
	}
}

func TestReroll(t *testing.T) {
	base := load(t)
	a, err := base.Reroll(1).Fill(1)
	if err != nil {
		t.Fatal(err)
	}
	was, kinds, raw := fill(t, 1), 0, Result{}
	for i, c := range a {
		raw.Add(Score(c, c.Payload))
		for j, s := range c.Secrets {
			if s.Kind != was[i].Secrets[j].Kind {
				kinds++
			}
		}
	}
	if kinds < 60 {
		t.Errorf("%d secrets have another kind", kinds)
	}
	if raw.Leaked() != raw.Rows() {
		t.Errorf("the scorer sees %d of %d rows in untouched payloads", raw.Leaked(), raw.Rows())
	}
	if b, err := base.Reroll(1).Fill(1); err != nil || !bytes.Equal(a[20].Payload, b[20].Payload) {
		t.Error("the same seed gives two payloads")
	}
}
