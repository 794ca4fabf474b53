//go:build e2e

package browser

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// axe is the accessibility checker, fetched when the test runs; its hash says
// that it is the one that was looked at.
const (
	axe     = "axe-core@4.14.1"
	axeHash = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
)

// readAxe fetches axe by npm. Without npm there is none: only E2E=all wants it.
func readAxe(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		if os.Getenv("E2E") == "all" {
			t.Fatal("npm is not installed: it fetches " + axe)
		}
		t.Logf("npm is not installed: %s does not look at the page", axe)
		return ""
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "npm", "pack", axe, "--silent", "--pack-destination", dir)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("fetching %s: %v\n%s", axe, err, out)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%d packages, %v", len(files), err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha512.Sum512(b); base64.StdEncoding.EncodeToString(sum[:]) != axeHash {
		t.Fatalf("%s is not what it was: %s", axe, base64.StdEncoding.EncodeToString(sum[:]))
	}
	zip, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(zip); ; {
		h, err := r.Next()
		if err != nil {
			t.Fatalf("%s has no axe.min.js: %v", axe, err)
		}
		if h.Name == "package/axe.min.js" {
			text, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
	}
}

// nameless are controls without a name, by a rule of thumb that needs no axe.
const nameless = `[...document.querySelectorAll("button, a[href], input, select, textarea, [role=tab], summary")].filter((e) => e.checkVisibility() &&
	!(e.innerText ?? "").trim() && !e.getAttribute("aria-label") && !e.labels?.length && !e.getAttribute("aria-labelledby")).length`

// contrast lists texts whose contrast to the ground is below 4.5, as computed.
const contrast = `(() => {
	const rgb = (c) => { const m = c.match(/[\d.]+/g).map(Number); return { c: m.slice(0, 3).map((v) => (c.startsWith("color(") ? v * 255 : v)), a: m[3] ?? 1 }; };
	const light = (c) => { const [r, g, b] = c.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	const ground = (e) => { for (; e; e = e.parentElement) { const g = rgb(getComputedStyle(e).backgroundColor); if (g.a > 0.99) return g.c; } return [255, 255, 255]; };
	const bad = [];
	let seen = 0;
	for (const e of document.querySelectorAll("body *")) {
		if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || !e.checkVisibility() || e.closest(":disabled, .unseen, .skip")) continue;
		seen++;
		const [a, b] = [light(rgb(getComputedStyle(e).color).c), light(ground(e))].sort((x, y) => y - x);
		if ((a + 0.05) / (b + 0.05) < 4.5) bad.push(e.tagName + "." + e.className + " " + ((a + 0.05) / (b + 0.05)).toFixed(2));
	}
	return JSON.stringify({ seen, bad: [...new Set(bad)] });
})()`

// TestAccess looks at every view, in both schemes.
func TestAccess(t *testing.T) {
	s := served(t, "")
	script := readAxe(t)
	checkout, logs, metrics := s.named(t, "checkout-agent"), s.named(t, "codex-runner"), s.named(t, "metering")
	released := s.named(t, "ledger-agent")
	views := []struct {
		name string
		open func(w *window)
	}{
		{"list", func(w *window) { w.visit("#/?state=all"); w.click(".row input") }},
		{"item", func(w *window) { w.visit(place(checkout)); w.head(checkout) }},
		{"conversation", func(w *window) { w.content(checkout) }},
		{"timeline", func(w *window) { w.content(checkout); w.tab("Timeline"); w.ask(unfold) }},
		{"log records", func(w *window) { w.content(logs); w.tab("Log"); w.ask(unfold) }},
		{"metrics", func(w *window) { w.content(metrics); w.ask(unfold) }},
		{"approve dialog", func(w *window) { w.visit(place(checkout)); w.click("#approve"); w.click("dialog .primary") }},
		{"deny dialog", func(w *window) { w.visit(place(checkout)); w.click("#deny") }},
		{"receipt", func(w *window) {
			w.visit(place(released))
			w.click("#check-receipt")
			w.see("#check-result", "holds")
			w.ask(unfold)
			w.narrow("receipt")
		}},
		{"receipt that does not hold", func(w *window) {
			w.visit(place(released))
			w.until("the receipt is there", `document.querySelector("#receipt-keys") !== null`)
			w.ask(`document.querySelector("#receipt-keys").value = "none"`)
			w.click("#check-receipt")
			w.see("#check-result", "does not hold")
			w.narrow("receipt")
		}},
		{"audit log", func(w *window) {
			w.visit("")
			w.click("#open-log")
			w.see("dialog #log-copies", "webhook")
			w.narrow("log")
		}},
		{"keyboard help", func(w *window) { w.visit(""); w.press("?") }},
		{"no match", func(w *window) { w.visit("#/?q=nothing-is-called-so") }},
	}
	for name, l := range map[string]look{"light": desk, "dark": {width: 1280, height: 900, dark: true}, "phone": {width: 320, height: 640}} {
		w := s.open(t, "alice", l)
		for _, view := range views {
			t.Run(name+" "+view.name, func(t *testing.T) {
				w.t = t
				view.open(w)
				if n := ask[int](w, nameless); n != 0 {
					t.Errorf("%d controls have no name", n)
				}
				if w.count("main") != 1 || w.count("header") != 1 || w.count("h1") != 1 || w.count("[role=search]") != 1 {
					t.Error("a landmark is missing")
				}
				var found struct {
					Seen int
					Bad  []string
				}
				if err := json.Unmarshal([]byte(ask[string](w, contrast)), &found); err != nil || found.Seen < 5 {
					t.Fatalf("%d texts were looked at, %v", found.Seen, err)
				}
				for _, bad := range found.Bad {
					t.Errorf("too little contrast: %s", bad)
				}
				if script != "" {
					w.axe(script)
				}
				w.quiet()
			})
		}
	}
}

// axe runs the checker on what the window shows. It comes by the protocol,
// since the page lets no script in.
func (w *window) axe(script string) {
	w.t.Helper()
	w.do("bringing axe", chromedp.Evaluate[chromedp.Void](script))
	type violation struct {
		ID, Help string
		Targets  []string
	}
	answer := ask[string](w, `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then((r) => JSON.stringify({passes: r.passes.length,
		violations: r.violations.map((v) => ({id: v.id, help: v.help, targets: v.nodes.slice(0, 3).map((n) => n.target.join(" "))}))}))`)
	var result struct {
		Passes     int
		Violations []violation
	}
	if err := json.Unmarshal([]byte(answer), &result); err != nil || result.Passes < 10 {
		w.t.Fatalf("axe passed %d rules, %v", result.Passes, err)
	}
	for _, v := range result.Violations {
		w.t.Errorf("%s: %s at %v", v.ID, v.Help, v.Targets)
	}
}

// TestAccessPlanted sees the checks find what they are there for.
func TestAccessPlanted(t *testing.T) {
	s := served(t, "")
	w := s.open(t, "alice", desk)
	w.visit("")
	w.ask(`document.querySelector("main").append(Object.assign(document.createElement("button"), {type: "button"})), document.querySelector("h1 span").style.color = "#ccc"`)
	if n := ask[int](w, nameless); n != 1 {
		t.Errorf("%d controls have no name, want the one planted", n)
	}
	var found struct{ Bad []string }
	if err := json.Unmarshal([]byte(ask[string](w, contrast)), &found); err != nil || len(found.Bad) == 0 {
		t.Errorf("the pale text is not found: %v", err)
	}
}
