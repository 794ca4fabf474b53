package memory

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tracescrub/tracescrub/rules"
)

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// random makes a secret of n characters of an alphabet.
func random(seed uint64, n int, alphabet string) string {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

func index(t testing.TB, secret string, form bool) *Index {
	t.Helper()
	v := New([]byte(secret), Tag{Rule: "r", Digest: 7, Form: form})
	if v == nil {
		t.Fatal("not a value")
	}
	x := new(Index)
	x.Add(v)
	return x
}

// masked replaces what is found by #.
func masked(x *Index, text string) string {
	var b strings.Builder
	at := 0
	for _, m := range x.Find(nil, []byte(text)) {
		b.WriteString(text[at:m.Start] + "#")
		at = m.End
	}
	return b.String() + text[at:]
}

// TestFragments tries all fragments of secrets of all lengths: those of eight
// bytes and half the length are found whole, shorter ones stay.
func TestFragments(t *testing.T) {
	for _, n := range []int{12, 16, 17, 24, 40, 93, 200, 512} {
		secret := random(uint64(n), n, base62)
		x := index(t, secret, true)
		least := max(8, (n+1)/2)
		step := max(1, n/40)
		for from := 0; from < n; from += step {
			for to := from + 6; to <= n; to += step {
				part := secret[from:to]
				want := "half is #, he says"
				if to-from < least {
					want = "half is " + part + ", he says"
				}
				if to-from >= least && !telling([]byte(part)) {
					continue // by chance hardly more than a word
				}
				if got := masked(x, "half is "+part+", he says"); got != want {
					t.Fatalf("secret of %d bytes, [%d, %d): not as it should be", n, from, to)
				}
			}
		}
	}
}

func TestForms(t *testing.T) {
	for name, secret := range map[string]string{
		"token":    "tok_" + random(1, 36, base62),
		"password": random(2, 8, base62) + `&<"\` + random(3, 6, base62) + "/+%",
		"umlauts":  random(4, 8, base62) + "äöü" + random(5, 4, base62) + "!",
	} {
		x := index(t, secret, true)
		quoted, err := json.Marshal(secret)
		if err != nil {
			t.Fatal(err)
		}
		once := strings.Trim(string(quoted), `"`)
		quoted, err = json.Marshal(once)
		if err != nil {
			t.Fatal(err)
		}
		for form, text := range map[string]string{
			"plain": secret, "JSON": once, "JSON in JSON": strings.Trim(string(quoted), `"`), "percent": strings.ReplaceAll(url.QueryEscape(secret), "+", "%20"),
			"base64": base64.StdEncoding.EncodeToString([]byte(secret)), "base64url": base64.URLEncoding.EncodeToString([]byte(secret)),
			"user and password": base64.StdEncoding.EncodeToString([]byte("u:" + secret)), "in base64": base64.StdEncoding.EncodeToString([]byte("user=" + secret + "\n")),
			"hex": hex.EncodeToString([]byte(secret)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(secret))), "HTML": html.EscapeString(secret),
			"slashes": strings.ReplaceAll(secret, "/", `\/`),
		} {
			if form == "HTML" && name == "password" {
				text = strings.ReplaceAll(text, "&#34;", "&quot;")
			}
			if got := masked(x, "a "+text+" b"); got != "a # b" {
				t.Errorf("%s as %s: not found", name, form)
			}
		}
	}
}

// TestOrdinaryValues: what could stand elsewhere with another meaning is not remembered.
func TestOrdinaryValues(t *testing.T) {
	for _, s := range []string{
		"postgres", "password", "production2", "Production1", "us-east-1", "k8s-prod-cluster-01", "2026-08-03", "1234567890123456",
		"0b5c1a9e-2f4d-4c3a-9a77-001122334455", "my database password", "admin", "0000", "localhost:5432", "feature/login-page", "",
	} {
		if New([]byte(s), Tag{Rule: "named", Digest: 1}) != nil {
			t.Errorf("%q would be masked everywhere", s)
		}
	}
	for _, s := range []string{random(6, 20, base62) + "a1B2", "Tr4vel" + "!ng#42", random(7, 32, "0123456789abcdef") + "a1b2"} {
		if New([]byte(s), Tag{Rule: "named", Digest: 1}) == nil {
			t.Errorf("a secret of %d bytes is not remembered", len(s))
		}
	}
}

// TestLookAlikesStay: only a fragment that stands for itself is one, and no
// words, public prefixes and other tokens are.
func TestLookAlikesStay(t *testing.T) {
	secret := "sk-ant-" + "api03-" + random(8, 40, base62)
	x := index(t, secret, true)
	for _, text := range []string{
		"keys begin with sk-ant-" + "api03-", "call_" + secret[20:33] + "xyz", secret[14:30], "postgres", "",
	} {
		if got := masked(x, text); got != text {
			t.Errorf("a text of %d bytes was changed", len(text))
		}
	}
	words := index(t, "db-password"+random(9, 5, "0123456789")+"Zq!", false)
	if got := masked(words, "the db-password is wrong"); got != "the db-password is wrong" {
		t.Error("a word was masked")
	}
	short := index(t, "Xk7"+"#mQ2v", false)
	if got := masked(short, "aXk7#mQ2vb Xk7#mQ2v"); got != "aXk7#mQ2vb #" {
		t.Error("a short secret within a word was masked, or not by itself")
	}
}

// TestKeyBlocks: lines of a private key are known again; its header, and what
// stands in the public key too, is not.
func TestKeyBlocks(t *testing.T) {
	body := "MIIEvgIBADANBgkqhkiG9w0BAQEFAASC" + random(10, 1568, base62+"+/")
	x := index(t, "BEGINPRIVATEKEY"+body+"ENDPRIVATEKEY", true)
	for from := 0; from+64 <= len(body); from += 64 {
		line := "  " + body[from:from+64] + "\n"
		if got := masked(x, line); from > 700 && got != "  #\n" || from < 512 && got != line {
			t.Errorf("line at %d", from)
		}
	}
	ec := "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg" + random(11, 43, base62) + "hRANCAA" + random(12, 86, base62)
	x = index(t, "BEGINPRIVATEKEY"+ec+"ENDPRIVATEKEY", true)
	if got := masked(x, ec[98:]); got != ec[98:] {
		t.Error("the public point was masked")
	}
	if got := masked(x, ec[40:100]); !strings.HasPrefix(got, "#") {
		t.Error("the private half was not found")
	}
}

// TestEscapesStayWhole: a mask never begins within an escape sequence.
func TestEscapesStayWhole(t *testing.T) {
	secret := "n" + random(13, 30, base62)
	x := index(t, secret, true)
	for text, want := range map[string]string{
		`"a\n` + secret + `"`:     `"a\n#"`,
		`"a\n` + secret[1:] + `"`: `"a\n#"`,
		`"a\\` + secret + `"`:     `"a\\#"`,
	} {
		if got := masked(x, text); got != want {
			t.Errorf("%d bytes: not as it should be", len(text))
		}
	}
}

// TestNothingInTheClear looks for pieces of secrets in all that a store, an
// index and a batch that was reset hold.
func TestNothingInTheClear(t *testing.T) {
	secret := random(14, 60, base62)
	s := NewStore(Limits{Traces: 10, Values: 10, Age: time.Minute}, time.Now)
	var b Batch
	b.Note(7, []byte(secret))
	if !holds(reflect.ValueOf(&b), secret) {
		t.Fatal("the search does not find what is there")
	}
	v := b.Learn(rules.Finding{Digest: 7}, rules.Info{ID: "r", Form: true})
	s.Add(Trace{1}, v)
	if b.Recall(nil, []byte(secret), func(string) (uint32, bool) { return 0, true }) == nil {
		t.Fatal("not learned")
	}
	b.Forget()
	if holds(reflect.ValueOf(&b), secret) || holds(reflect.ValueOf(s), secret) {
		t.Error("a piece of a secret is in memory")
	}
}

// holds looks for eight bytes of secret in all that can be reached from v,
// also behind the length of slices.
func holds(v reflect.Value, secret string) bool {
	seen := map[uintptr]bool{}
	var search func(v reflect.Value) bool
	search = func(v reflect.Value) bool {
		switch v.Kind() {
		case reflect.Pointer, reflect.Interface:
			if v.IsNil() {
				return false
			}
			if v.Kind() == reflect.Pointer {
				if seen[v.Pointer()] {
					return false
				}
				seen[v.Pointer()] = true
			}
			return search(v.Elem())
		case reflect.Struct:
			for i := range v.NumField() {
				if search(v.Field(i)) {
					return true
				}
			}
		case reflect.Map:
			for it := v.MapRange(); it.Next(); {
				if search(it.Value()) {
					return true
				}
			}
		case reflect.String:
			return anyWindow(v.String(), secret)
		case reflect.Slice, reflect.Array:
			if v.Kind() == reflect.Slice {
				v = v.Slice(0, v.Cap())
			}
			if v.Type().Elem().Kind() == reflect.Uint8 {
				b := make([]byte, 0, v.Len())
				for i := range v.Len() {
					b = append(b, byte(v.Index(i).Uint()))
				}
				return anyWindow(string(b), secret)
			}
			for i := range v.Len() {
				if search(v.Index(i)) {
					return true
				}
			}
		default:
		}
		return false
	}
	return search(v)
}

func anyWindow(in, secret string) bool {
	for i := 0; i+8 <= len(secret); i++ {
		if strings.Contains(in, secret[i:i+8]) {
			return true
		}
	}
	return false
}

func TestStoreIsBounded(t *testing.T) {
	now := time.Unix(1000, 0)
	s := NewStore(Limits{Traces: 3, Values: 2, Age: time.Minute}, func() time.Time { return now })
	value := func(n uint64) *Value {
		return New([]byte(random(n, 30, base62)), Tag{Rule: "r", Digest: n, Form: true})
	}
	known := func(trace byte) int {
		values, _ := s.Values(nil, Trace{trace})
		return len(values)
	}
	s.Add(Trace{}, value(1))
	if s.Len() != 0 {
		t.Error("no trace is remembered as one")
	}
	for i := range byte(3) {
		s.Add(Trace{i + 1}, value(uint64(i)))
	}
	s.Add(Trace{1}, value(0)) // known already
	s.Add(Trace{1}, value(8))
	s.Add(Trace{1}, value(9)) // one too many
	if got := known(1); got != 2 {
		t.Errorf("%d values of a trace, want 2", got)
	}
	s.Add(Trace{4}, value(4)) // trace 2 was not used the longest
	if known(1) != 2 || known(2) != 0 || known(3) != 1 || known(4) != 1 || s.Len() != 3 {
		t.Error("not the least recently used trace was forgotten")
	}
	now = now.Add(59 * time.Second)
	s.Add(Trace{4}, value(5))
	now = now.Add(time.Second)
	if known(1) != 0 || known(4) != 2 {
		t.Error("traces are not forgotten by their age")
	}
	small := NewStore(Limits{Traces: 1000, Values: 2, Age: time.Minute, Bytes: 20_000}, func() time.Time { return now })
	for i := range 1000 {
		small.Add(Trace{1, byte(i >> 8), byte(i)}, value(uint64(i)))
	}
	if n := small.Len(); n < 2 || n > 200 {
		t.Errorf("%d traces in 20,000 bytes", n)
	}
	none := NewStore(Limits{Values: 2, Age: time.Minute}, time.Now)
	if none.Add(Trace{1}, value(1)); none.Len() != 0 {
		t.Error("something is remembered without traces")
	}
}

// FuzzFind: places are in order, within the text, at least eight bytes, and
// the secret that was put in is found.
func FuzzFind(f *testing.F) {
	f.Add([]byte("before "), []byte(" after"), uint64(1), uint8(20))
	f.Add([]byte(`{"a":"\n`), []byte(`"}`), uint64(2), uint8(90))
	f.Fuzz(func(t *testing.T, before, after []byte, seed uint64, n uint8) {
		secret := "tok_" + random(seed, 12+int(n), base62)
		x := index(t, secret, true)
		text := slices.Concat(before, []byte(secret), after)
		end, found := 0, false
		for _, m := range x.Find(nil, text) {
			if m.Start < end || m.End > len(text) || m.End-m.Start < 8 {
				t.Fatalf("[%d, %d) behind %d of %d", m.Start, m.End, end, len(text))
			}
			end = m.End
			found = found || m.Start <= len(before)+1 && m.End >= len(before)+len(secret)
		}
		if !found {
			t.Fatal("the secret was not found")
		}
	})
}

func BenchmarkFind(b *testing.B) {
	text := bytes.Repeat([]byte("An ordinary sentence, with a call_id of 12345678 and a path /srv/app/main.go. "), 500)
	for _, n := range []int{1, 10, 256} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var x Index
			for i := range n {
				x.Add(New([]byte(random(uint64(i), 40, base62)), Tag{Rule: "r", Digest: uint64(i), Form: true}))
			}
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if len(x.Find(nil, text)) > 0 {
					b.Fatal("found what is not there")
				}
			}
		})
	}
}

// TestCountAndHold: secrets of a trace are counted over batches, each once, as
// long as the trace is remembered, and so is that it is held.
func TestCountAndHold(t *testing.T) {
	now := time.Unix(0, 0)
	s := NewStore(Limits{Traces: 2, Values: 1, Age: time.Minute, Distinct: 3}, func() time.Time { return now })
	held := func(trace byte) bool { _, is := s.Values(nil, Trace{trace}); return is }
	equal(t, 2, s.Count(Trace{1}, []uint64{5, 9}))
	equal(t, 3, s.Count(Trace{1}, []uint64{1, 9}))
	equal(t, 3, s.Count(Trace{1}, []uint64{1, 5, 9}))
	equal(t, 5, s.Count(Trace{1}, []uint64{6, 7, 9}), "more than are remembered are counted within a batch")
	equal(t, 3, s.Count(Trace{1}, []uint64{9}))
	equal(t, 1, s.Count(Trace{2}, []uint64{9}), "another trace")
	equal(t, 2, s.Count(Trace{}, []uint64{1, 2}), "no trace")
	equal(t, 0, s.Count(Trace{3}, nil))
	equal(t, 2, s.Len())

	equal(t, false, held(1))
	s.Hold(Trace{1})
	s.Hold(Trace{})
	equal(t, true, held(1))
	equal(t, false, held(2))
	equal(t, false, held(0))
	now = now.Add(59 * time.Second)
	equal(t, true, held(1), "a look makes it no younger")
	now = now.Add(time.Second)
	equal(t, false, held(1))
	equal(t, 1, s.Count(Trace{1}, []uint64{9}), "it is forgotten")
	s.Hold(Trace{4})
	s.Hold(Trace{5})
	equal(t, true, held(5))
	equal(t, 2, s.Len())
	equal(t, true, s.bytes <= 8)

	s = NewStore(Limits{Distinct: 3}, time.Now)
	equal(t, 2, s.Count(Trace{1}, []uint64{5, 9}))
	equal(t, 1, s.Count(Trace{1}, []uint64{1}), "nothing is remembered")
	s.Hold(Trace{1})
	equal(t, 0, s.Len())
}

func equal[T comparable](t *testing.T, want, got T, why ...string) {
	t.Helper()
	if want != got {
		t.Errorf("%v, want %v %v", got, want, why)
	}
}
