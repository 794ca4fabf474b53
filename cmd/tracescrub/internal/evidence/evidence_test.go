package evidence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/evidence/facts"
	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/evidence/logtest"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/subjects"
)

var update = flag.Bool("update", false, "write the goldens anew")

// story is a log on disk, and what to ask about it.
func story(t *testing.T, days int) facts.Options {
	t.Helper()
	dir := t.TempDir()
	logtest.Story(days).Write(dir)
	return facts.Options{Directory: dir, Now: logtest.Start.AddDate(0, 0, days+1), Tool: "tracescrub test"}
}

func write(t *testing.T, o facts.Options) (string, *facts.Report) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "bundle")
	r, err := Write(context.Background(), o, out)
	require.NoError(t, err)
	return out, r
}

// tree is all files below a directory.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		out[filepath.ToSlash(name)] = string(b)
		return err
	}))
	return out
}

// ours are the parts of the page that are code, and have tests of their own.
var ours = regexp.MustCompile(`(?s)<style>.*?</style>|<script>.*?</script>|'sha256-[^']*'`)

var commitments = regexp.MustCompile(`((?:subject|text):[0-9a-f]{8})[0-9a-f]{56}`)

// TestGolden: the same log and period are the same bytes, and these.
func TestGolden(t *testing.T) {
	o := story(t, 4)
	o.From, o.To = logtest.Start.AddDate(0, 0, 1), logtest.Start.AddDate(0, 0, 4)
	o.Names = true
	dir, _ := write(t, o)
	got := tree(t, dir)
	again, _ := write(t, o)
	require.Equal(t, got, tree(t, again))
	for _, name := range []string{"report.html", "summary.json", "decisions.csv", "counts.csv", "README.md"} {
		golden := filepath.Join("testdata", name+".golden")
		text := ours.ReplaceAllString(got[name], "")
		text = commitments.ReplaceAllString(text, "$1…") // a scan of this repository takes them for keys
		if *update {
			require.NoError(t, os.WriteFile(golden, []byte(text), 0o600))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		require.Equal(t, string(want), text, name)
	}
}

// root is what range.json and the lines of the period make, by the words of
// README.md: hashes of complete subtrees from left to right, joined as a tree of RFC 6962.
func root(t *testing.T, proof, lines string) string {
	t.Helper()
	var p rangeProof
	require.NoError(t, json.Unmarshal([]byte(proof), &p))
	type part struct {
		at, size int64
		hash     tlog.Hash
	}
	var parts []part
	grow := func(x part) {
		for len(parts) > 0 && parts[len(parts)-1].size == x.size && parts[len(parts)-1].at%(2*x.size) == 0 {
			left := parts[len(parts)-1]
			parts = parts[:len(parts)-1]
			x = part{left.at, 2 * x.size, tlog.NodeHash(left.hash, x.hash)}
		}
		parts = append(parts, x)
	}
	sub := func(list []subtree) {
		for _, s := range list {
			b, err := base64.StdEncoding.DecodeString(s.Hash)
			require.NoError(t, err)
			grow(part{s.Index << s.Level, 1 << s.Level, tlog.Hash(b)})
		}
	}
	sub(p.Before)
	at := p.First
	for line := range strings.Lines(lines) {
		grow(part{at, 1, tlog.RecordHash([]byte(strings.TrimSuffix(line, "\n")))})
		at++
	}
	sub(p.After)
	require.NotEmpty(t, parts)
	h := parts[len(parts)-1].hash
	for i := len(parts) - 2; i >= 0; i-- {
		h = tlog.NodeHash(parts[i].hash, h)
	}
	return base64.StdEncoding.EncodeToString(h[:])
}

// TestPeriod: the lines of any period are proven to be the log's, and to be
// all of them.
func TestPeriod(t *testing.T) {
	o := story(t, 3)
	end := logtest.Start.AddDate(0, 0, 3)
	for name, f := range map[string]func(*facts.Options){
		"all":           func(*facts.Options) {},
		"the first day": func(o *facts.Options) { o.To = logtest.Start.AddDate(0, 0, 1) },
		"the middle":    func(o *facts.Options) { o.From, o.To = logtest.Start.AddDate(0, 0, 1), logtest.Start.AddDate(0, 0, 2) },
		"an hour":       func(o *facts.Options) { o.From, o.To = end.AddDate(0, 0, -1), end.AddDate(0, 0, -1).Add(3600e9) },
		"the end":       func(o *facts.Options) { o.From = end },
		"nothing":       func(o *facts.Options) { o.From, o.To = end.Add(1), end.Add(2) },
		"before":        func(o *facts.Options) { o.From, o.To = logtest.Start.AddDate(0, 0, -2), logtest.Start },
	} {
		t.Run(name, func(t *testing.T) {
			o := o
			f(&o)
			dir, r := write(t, o)
			got := tree(t, dir)
			lines := got["entries.jsonl"]
			require.Equal(t, r.Log.Root, root(t, got["range.json"], lines))
			require.Equal(t, int(r.Period.Entries), strings.Count(lines, "\n"))
			for line := range strings.Lines(lines) {
				require.NotEqual(t, r.Log.Root, root(t, got["range.json"], strings.Replace(lines, line, "", 1)), "an entry is left out")
				require.NotEqual(t, r.Log.Root, root(t, got["range.json"], strings.Replace(lines, line, strings.Replace(line, "-07-", "-06-", 1), 1)), "an entry is changed")
				break
			}
			receipts := 0
			for name, text := range got {
				if strings.HasPrefix(name, "receipts/") {
					p, err := proof.ParseReceipt([]byte(text))
					require.NoError(t, err)
					e, _, err := p.Check(nil, r.Log.Keys)
					require.NoError(t, err, name)
					require.Regexp(t, regexp.MustCompile(`/\d+-(anchor|`+regexp.QuoteMeta(strings.TrimPrefix(e.Kind, "tracescrub."))+`)\.tlog-proof$`), name)
					receipts++
				}
			}
			require.Positive(t, receipts)
			for _, d := range r.Decisions {
				require.Contains(t, got, receiptName(d.Seq, d.Kind))
			}
			for line := range strings.Lines(got["SHA256SUMS"]) {
				digest, file, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
				h := sha256.Sum256([]byte(got[file]))
				require.Equal(t, hex.EncodeToString(h[:]), digest)
				delete(got, file)
			}
			require.Len(t, got, 1, "SHA256SUMS names all files but itself")
		})
	}
}

// TestOlder: with an older checkpoint the bundle proves that the log continues
// it; one that it does not continue makes the report say so.
func TestOlder(t *testing.T) {
	o := story(t, 4)
	o.Older = [][]byte{logtest.Story(2).Sign()}
	r, err := Write(context.Background(), o, filepath.Join(t.TempDir(), "forked"))
	require.NoError(t, err)
	require.False(t, r.Verification.OK, "the story of two days ends in another way than that of four")
	require.Contains(t, strings.Join(r.Verification.Problems, "\n"), "forked")

	l := logtest.Story(4)
	o.Older = [][]byte{l.Sign()}
	l.Add(o.Now, "heartbeat", nil)
	l.Write(o.Directory)
	dir, r := write(t, o)
	require.True(t, r.Verification.OK)
	old, err := proof.Read(o.Older[0])
	require.NoError(t, err)
	now, err := r.Checkpoint()
	require.NoError(t, err)
	var path []tlog.Hash
	for _, s := range strings.Fields(tree(t, dir)["older/1.consistency"]) {
		b, err := base64.StdEncoding.DecodeString(s)
		require.NoError(t, err)
		path = append(path, tlog.Hash(b))
	}
	require.NoError(t, proof.CheckConsistency(path, now, old))
}

// TestNames: nobody is named unless that is asked for; then only whom the period is about.
func TestNames(t *testing.T) {
	o := story(t, 3)
	o.To = logtest.Start.AddDate(0, 0, 1)
	dir, _ := write(t, o)
	for name, text := range tree(t, dir) {
		for _, secret := range []string{"alice", "bob", "carol", "producer of", "ticket"} {
			require.NotContains(t, text, secret, name)
		}
	}
	o.Names = true
	dir, _ = write(t, o)
	got := tree(t, dir)
	require.Contains(t, got["report.html"], "This report names people")
	require.Contains(t, got["README.md"], "names people")
	rows := map[string]bool{}
	for line := range strings.Lines(got[files.Subjects]) {
		r, err := subjects.ParseRow([]byte(strings.TrimSuffix(line, "\n")))
		require.NoError(t, err)
		rows[r.Value] = true
	}
	require.True(t, rows[logtest.Alice] && rows[logtest.Bob])
	require.False(t, rows[logtest.Carol] || rows["a key of the test environment, see ticket 3"], "of another period")
}

// TestTables: what senders wrote is no formula and hides nothing.
func TestTables(t *testing.T) {
	dir, r := write(t, story(t, 6))
	for _, name := range []string{"decisions.csv", "counts.csv"} {
		text := tree(t, dir)[name]
		require.NotRegexp(t, "[\x00-\x09\x0b-\x1f\u202e]", text)
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		require.NoError(t, err)
		hostile := false
		for _, row := range rows {
			for _, c := range row {
				require.NotRegexp(t, `^[=+@]`, c)
				hostile = hostile || strings.HasPrefix(c, "'=cmd")
			}
		}
		require.True(t, hostile)
		if name == "decisions.csv" {
			require.Len(t, rows, 1+len(r.Decisions))
		}
	}
}

// TestChanged: of a log that is not what was signed there is a report that says so.
func TestChanged(t *testing.T) {
	for name, change := range map[string]func([]byte) []byte{
		"an entry changed": func(b []byte) []byte { return bytes.Replace(b, []byte(`"high"`), []byte(`"lows"`), 1) },
		"no entry":         func(b []byte) []byte { return bytes.Replace(b, []byte(`"high"`), []byte("\x1b[31m\x00"), 1) },
		"cut off":          func(b []byte) []byte { return b[:bytes.LastIndexByte(b[:len(b)/2], '\n')+1] },
	} {
		t.Run(name, func(t *testing.T) {
			o := story(t, 3)
			path := filepath.Join(o.Directory, files.Segment(1))
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, change(b), 0o600))
			dir, r := write(t, o)
			require.False(t, r.Verification.OK)
			require.Contains(t, tree(t, dir)["report.html"], "Not verified.")
			require.Equal(t, "verification", r.Exceptions[len(r.Exceptions)-1].Code)
		})
	}
}

// TestNothing: whatever fails leaves nothing behind.
func TestNothing(t *testing.T) {
	parent := t.TempDir()
	o := story(t, 1)
	fails := func(ctx context.Context, o facts.Options, out string) {
		t.Helper()
		_, err := Write(ctx, o, out)
		require.Error(t, err)
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	fails(canceled, o, filepath.Join(parent, "canceled"))
	fails(context.Background(), facts.Options{Directory: filepath.Join(parent, "no log")}, filepath.Join(parent, "out"))
	require.NoError(t, os.Remove(filepath.Join(o.Directory, files.Hashes)))
	fails(context.Background(), o, filepath.Join(parent, "no hashes"))
	fails(context.Background(), o, filepath.Join(parent, "no", "parent"))
	require.Empty(t, tree(t, parent))
	require.NoError(t, os.WriteFile(filepath.Join(parent, "there"), []byte("mine"), 0o600))
	fails(context.Background(), story(t, 1), filepath.Join(parent, "there"))
	require.Equal(t, map[string]string{"there": "mine"}, tree(t, parent))
}

// TestKeep writes a bundle to look at: go test -run TestKeep -keep DIR.
var keep = flag.String("keep", "", "write a bundle of a month here")

func TestKeep(t *testing.T) {
	out := *keep
	if out == "" {
		out = filepath.Join(t.TempDir(), "bundle")
	}
	o := story(t, 30)
	o.Names = true
	o.From, o.To = logtest.Start.AddDate(0, 0, 2), logtest.Start.AddDate(0, 0, 29)
	r, err := Write(context.Background(), o, out)
	require.NoError(t, err)
	require.Len(t, r.Decisions, 27)
}
