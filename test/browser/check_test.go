//go:build e2e

package browser

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// checker serves nothing but the script that checks receipts: it needs no page.
func checker(t *testing.T) *window {
	t.Helper()
	script, err := os.ReadFile("../../internal/auditlog/browser/check.js")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/check.js" {
			w.Header().Set("Content-Type", "text/javascript")
			w.Write(script)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><link rel="icon" href="data:,"><script src="check.js"></script>`)
	}))
	t.Cleanup(server.Close)
	s := &site{url: server.URL + "/"}
	w := s.open(t, "", desk)
	w.do("opening the script", navigate(s.url))
	return w
}

// checked is what the script says.
type checked struct {
	OK    bool `json:"ok"`
	Steps []struct {
		What   string `json:"what"`
		OK     bool   `json:"ok"`
		Detail string `json:"detail"`
	} `json:"steps"`
	Entry  map[string]any `json:"entry"`
	Index  int64          `json:"index"`
	Size   int64          `json:"size"`
	Root   string         `json:"root"`
	Origin string         `json:"origin"`
	Keys   []string       `json:"keys"`
}

// claim is a receipt and the keys to check it with.
type claim struct {
	Receipt string   `json:"receipt"`
	Keys    []string `json:"keys"`
}

func (w *window) check(claims ...claim) []checked {
	w.t.Helper()
	b, err := json.Marshal(claims)
	if err != nil {
		w.t.Fatal(err)
	}
	all := ask[[]checked](w, fmt.Sprintf(`Promise.all(%s.map((c) => tracescrubCheck(c.receipt, c.keys)))`, b))
	if len(all) != len(claims) {
		w.t.Fatalf("%d answers about %d receipts", len(all), len(claims))
	}
	w.quiet()
	return all
}

// holds fails the test if a receipt was not found to hold, in all steps.
func (c *checked) holds(t *testing.T, what string) {
	t.Helper()
	if !c.OK || len(c.Steps) != len(steps) {
		t.Errorf("%s: %+v", what, c.Steps)
	}
	for i, s := range c.Steps {
		if !s.OK || s.What != steps[i] || s.Detail == "" {
			t.Errorf("%s: step %d: %+v, want %s", what, i, s, steps[i])
		}
	}
}

// steps are those of a check, in their order.
var steps = []string{
	"This browser can compute hashes",
	"The receipt is a C2SP tlog-proof",
	"The receipt holds an entry in its canonical form",
	"The entry is the one that the receipt is for",
	"The checkpoint covers the entry",
	"The hash of the entry is a leaf of the log's tree",
	"The path leads from the leaf to the root",
	"A trusted key is named by the checkpoint",
	"The signature of the checkpoint is of that key",
}

const (
	atForm = iota + 1
	atEntry
	atSeq
	atCovers
	_
	atPath
	atKey
	atSignature
)

// failsAt is the step that each of the refused receipts fails at.
var failsAt = map[string]int{
	"another version": atForm, "no entry": atForm, "no index": atForm, "an index with a zero before it": atForm,
	"another index": atSeq, "an index as large as the log": atCovers,
	"the entry has changed": atPath, "another entry": atSeq, "another entry with this one's seq": atPath,
	"an entry with white space": atEntry, "an entry with a name twice": atEntry, "an entry with an unknown field": atEntry, "an entry that is not UTF-8": atEntry,
	"a hash has changed": atPath, "a hash in another form": atForm, "a hash is missing": atPath, "a hash too many": atPath, "the hashes in another order": atPath,
	"another root": atPath, "a root in another form": atCovers, "another size": atSignature,
	"an older checkpoint that covers it": atPath, "an older checkpoint that does not cover it": atCovers,
	"another origin": atKey, "a checkpoint with a fourth line": atCovers,
	"the signature has changed": atSignature, "the signature of another checkpoint": atSignature, "the signature of another key": atKey,
	"no signature": atCovers, "something behind the signatures": atCovers, "no LF at the end": atCovers,
	"another key is trusted": atKey, "a trusted key with another one's id": atKey, "a trusted key that is none": atKey,
	"a key with another one's id, and its signature": atKey,
	"signed: an entry at another place than it says": atSeq, "signed: an entry with white space": atEntry, "signed: an entry with an unknown field": atEntry,
	"signed: an entry behind the end": atCovers, "signed: a path that is too long for the size": atPath, "signed: a path that is too short for the size": atPath,
	"signed: another log's origin": atKey,
	"lines that end with CR LF":    atForm,
}

// TestCheckVectors holds check.js against docs/format/audit-vectors.json, as
// internal/auditlog/verify does with Go's check.
func TestCheckVectors(t *testing.T) {
	b, err := os.ReadFile("../../docs/format/audit-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Key      struct{ Public string }
		Entries  []struct{ Line string }
		Refused  []struct{ Line, Reason string }
		Receipts []string
		Bad      []struct{ Reason, Receipt, Public string } `json:"refused_receipts"`
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Receipts) == 0 || len(v.Bad) != len(failsAt) || len(v.Refused) == 0 {
		t.Fatalf("%d receipts, %d that are refused (%d are known here), %d lines that are refused", len(v.Receipts), len(v.Bad), len(failsAt), len(v.Refused))
	}
	w := checker(t)
	for i, r := range v.Receipts {
		got := w.check(claim{r, []string{v.Key.Public}})[0]
		got.holds(t, v.Entries[i].Line)
		var want map[string]any
		if err := json.Unmarshal([]byte(v.Entries[i].Line), &want); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got.Entry) != fmt.Sprint(want) || got.Index != int64(i) || got.Size != 5 || got.Origin != "example.com/audit" || len(got.Keys) != 1 || !strings.Contains(r, "\n"+got.Root+"\n") {
			t.Errorf("receipt %d is said to be %+v", i, got)
		}
	}
	for _, x := range v.Bad {
		got := w.check(claim{x.Receipt, []string{x.Public}})[0]
		last := got.Steps[len(got.Steps)-1]
		want, known := failsAt[x.Reason]
		if got.OK || last.OK || !known || last.What != steps[want] || last.Detail == "" {
			t.Errorf("%s: ok %v, the last step is %+v", x.Reason, got.OK, last)
		}
	}
	for _, x := range v.Refused {
		r := strings.Replace(v.Receipts[3], "extra "+base64.StdEncoding.EncodeToString([]byte(v.Entries[3].Line)), "extra "+base64.StdEncoding.EncodeToString([]byte(x.Line)), 1)
		got := w.check(claim{r, []string{v.Key.Public}})[0]
		if got.OK || len(got.Steps) != atEntry+1 {
			t.Errorf("a line that is refused for %s: %+v", x.Reason, got.Steps)
		}
	}
	good := v.Receipts[2]
	for what, c := range map[string]claim{
		"with a witness's signature":     {good + "\u2014 witness.example.com " + base64.StdEncoding.EncodeToString(make([]byte, 80)) + "\n", []string{v.Key.Public}},
		"with an older key before it":    {good, []string{keyOf(t, "older").public, v.Key.Public}},
		"with a key that is there twice": {good, []string{v.Key.Public, v.Key.Public}},
		"with a key of something else":   {good, []string{keyOf(t, "else").named("example.com/else"), v.Key.Public}},
	} {
		got := w.check(c)[0]
		got.holds(t, what)
	}
	for what, c := range map[string]claim{"no keys": {good, []string{}}, "empty": {"", []string{v.Key.Public}}} {
		if got := w.check(c)[0]; got.OK {
			t.Errorf("%s: is said to hold", what)
		}
	}
}

// testKey is a key of a log, made without the product's code.
type testKey struct {
	private ed25519.PrivateKey
	public  string // the verifier key
	id      []byte
}

func keyOf(t *testing.T, phrase string) *testKey {
	t.Helper()
	seed := sha256.Sum256([]byte(phrase))
	k := &testKey{private: ed25519.NewKeyFromSeed(seed[:])}
	k.public = k.named("example.com/audit")
	return k
}

func (k *testKey) named(name string) string {
	raw := append([]byte{1}, k.private.Public().(ed25519.PublicKey)...)
	h := sha256.Sum256(append([]byte(name+"\n"), raw...))
	k.id = h[:4]
	return fmt.Sprintf("%s+%08x+%s", name, binary.BigEndian.Uint32(k.id), base64.StdEncoding.EncodeToString(raw))
}

// mth and inclusion are MTH and PATH of RFC 6962, section 2.1, as they stand there.
func mth(leaves [][]byte) []byte {
	if len(leaves) == 1 {
		h := sha256.Sum256(append([]byte{0}, leaves[0]...))
		return h[:]
	}
	k := split(len(leaves))
	h := sha256.Sum256(append(append([]byte{1}, mth(leaves[:k])...), mth(leaves[k:])...))
	return h[:]
}

func inclusion(m int, leaves [][]byte) [][]byte {
	if len(leaves) == 1 {
		return nil
	}
	if k := split(len(leaves)); m < k {
		return append(inclusion(m, leaves[:k]), mth(leaves[k:]))
	} else {
		return append(inclusion(m-k, leaves[k:]), mth(leaves[:k]))
	}
}

func split(n int) int {
	k := 1
	for k*2 < n {
		k *= 2
	}
	return k
}

// TestCheckTrees: in logs of many sizes each entry's receipt holds, and with
// another entry's path it does not.
func TestCheckTrees(t *testing.T) {
	k := keyOf(t, "trees")
	var leaves [][]byte
	var good, bad []claim
	const most = 34
	for n := range most {
		leaves = append(leaves, fmt.Appendf(nil, `{"id":"%032x","kind":"tracescrub.heartbeat","logged":"2026-01-31T12:00:00.000000000Z","seq":%d,"time":"2026-01-31T12:00:00.000000000Z","v":1}`, n, n))
	}
	for _, n := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 32, 33, most} {
		text := fmt.Sprintf("example.com/audit\n%d\n%s\n", n, base64.StdEncoding.EncodeToString(mth(leaves[:n])))
		signed := fmt.Sprintf("%s\n\u2014 example.com/audit %s\n", text, base64.StdEncoding.EncodeToString(append(append([]byte{}, k.id...), ed25519.Sign(k.private, []byte(text))...)))
		for m := range n {
			receipt := func(at int) claim {
				r := fmt.Sprintf("c2sp.org/tlog-proof@v1\nextra %s\nindex %d\n", base64.StdEncoding.EncodeToString(leaves[m]), m)
				for _, h := range inclusion(at, leaves[:n]) {
					r += base64.StdEncoding.EncodeToString(h) + "\n"
				}
				return claim{r + "\n" + signed, []string{k.public}}
			}
			good = append(good, receipt(m))
			if n > 1 {
				bad = append(bad, receipt((m+1)%n))
			}
		}
	}
	w := checker(t)
	for i, got := range w.check(good...) {
		got.holds(t, fmt.Sprintf("receipt %d", i))
	}
	for i, got := range w.check(bad...) {
		if got.OK || got.Steps[len(got.Steps)-1].What != steps[atPath] {
			t.Errorf("receipt %d with another path: %+v", i, got.Steps[len(got.Steps)-1])
		}
	}
}
