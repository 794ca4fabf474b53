package page

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func get(t *testing.T, method, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w.Result()
}

func TestHandler(t *testing.T) {
	for _, tt := range []struct {
		name, method, path string
		status             int
		contentType        string
	}{
		{"the page", "GET", "/", 200, "text/html; charset=utf-8"},
		{"without the body", "HEAD", "/", 200, "text/html; charset=utf-8"},
		{"a module", "GET", "/assets/app.js", 200, "text/javascript; charset=utf-8"},
		{"the checker of receipts", "GET", "/assets/check.js", 200, "text/javascript; charset=utf-8"},
		{"a style sheet", "GET", "/assets/page.css", 200, "text/css; charset=utf-8"},
		{"the icon", "GET", "/assets/icon.svg", 200, "image/svg+xml"},
		{"no listing", "GET", "/assets/", 404, ""},
		{"no second address of the page", "GET", "/assets/index.html", 404, ""},
		{"out of the folder", "GET", "/assets/../page.go", 404, ""},
		{"writing", "POST", "/", 405, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp := get(t, tt.method, tt.path)
			if resp.StatusCode != tt.status {
				t.Fatalf("status %d, want %d", resp.StatusCode, tt.status)
			}
			if got := resp.Header.Get("Content-Type"); tt.contentType != "" && got != tt.contentType {
				t.Errorf("content type %q, want %q", got, tt.contentType)
			}
			if got := resp.Header.Get("Content-Security-Policy"); !strings.Contains(got, "default-src 'none'") || strings.Contains(got, "unsafe") {
				t.Errorf("content security policy %q", got)
			}
			if resp.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Error("no nosniff")
			}
		})
	}
}

func TestNotModified(t *testing.T) {
	tag := get(t, "GET", "/assets/app.js").Header.Get("Etag")
	if tag == "" {
		t.Fatal("no tag")
	}
	if status := get(t, "GET", "/assets/app.js", "If-None-Match", tag).StatusCode; status != http.StatusNotModified {
		t.Errorf("status %d, want 304", status)
	}
	if status := get(t, "GET", "/assets/app.js", "If-None-Match", `"other"`).StatusCode; status != http.StatusOK {
		t.Errorf("status %d with another tag, want 200", status)
	}
}

// house are the rules for the page's files: what each pattern finds is a fault.
var house = []struct {
	name, ext string
	pattern   *regexp.Regexp
	planted   string
}{
	{"text becomes markup", ".js", regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|srcdoc|createContextualFragment|setHTML`), `el.innerHTML = text`},
	{"text becomes code", ".js", regexp.MustCompile(`\beval\(|new Function|javascript:|setTimeout\("`), `eval(text)`},
	{"something from outside", ".js", regexp.MustCompile(`https?://|\bimport\(`), `import("https://example.org/x.js")`},
	{"something from outside", ".css", regexp.MustCompile(`@import|url\(`), `@import "x.css"`},
	{"something from outside", ".html", regexp.MustCompile(`https?://|src="/|href="/`), `<script src="https://example.org/x.js">`},
	{"script or style in markup", ".html", regexp.MustCompile(`<style|<script>|\son[a-z]+=|\sstyle=`), `<p onclick="x()">`},
	{"a reviewer's or sender's data in a log", ".js", regexp.MustCompile(`console\.`), `console.log(item)`},
}

func TestFiles(t *testing.T) {
	seen := map[string]int{}
	err := fs.WalkDir(assets, "assets", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := assets.ReadFile(name)
		if err != nil {
			return err
		}
		seen[name[strings.LastIndex(name, "."):]]++
		if lines := strings.Count(string(text), "\n"); lines > 400 {
			t.Errorf("%s: %d lines, budget 400", name, lines)
		}
		for _, rule := range house {
			if !strings.HasSuffix(name, rule.ext) {
				continue
			}
			if at := rule.pattern.FindIndex(text); at != nil {
				t.Errorf("%s:%d: %s", name, 1+strings.Count(string(text[:at[0]]), "\n"), rule.name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for ext := range contentTypes {
		if seen[ext] == 0 {
			t.Errorf("no file %s: is this the right folder?", ext)
		}
	}
	for ext := range seen {
		if contentTypes[ext] == "" {
			t.Errorf("files %s have no content type", ext)
		}
	}
}

// TestFilesPlanted sees each rule find what it is there for.
func TestFilesPlanted(t *testing.T) {
	for _, rule := range house {
		if !rule.pattern.MatchString(rule.planted) {
			t.Errorf("%s, %s: not found", rule.name, rule.ext)
		}
	}
}
