// Package page is the review page of release_gate: HTML, style sheets and
// small ES modules that are served from the binary as they are. It talks to
// nothing but the admin API beside it.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"time"

	"github.com/tracescrub/tracescrub/internal/auditlog/browser"
)

//go:embed assets
var assets embed.FS

// policy lets the page load what this server serves, and nothing else; no
// script or style may stand in markup, and no text may become markup.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// asset is a file of the page and the tag by which a browser knows it again.
type asset struct {
	name, contentType, tag string
	text                   []byte
}

// Handler serves the page at / and its files below /assets/. It answers GET
// and HEAD and knows nothing of who asks: that is for whoever wraps it.
func Handler() http.Handler {
	files := map[string]asset{}
	err := fs.WalkDir(assets, "assets", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := assets.ReadFile(name)
		if err != nil {
			return err
		}
		url := "/" + name
		if name == "assets/index.html" {
			url = "/"
		}
		files[url] = newAsset(name, text)
		return nil
	})
	if err != nil {
		panic("reading the embedded page: " + err.Error()) // cannot happen with what was compiled in
	}
	files["/"+checker] = newAsset(checker, []byte(browser.Script()))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(w, r, files) })
}

// checker is the script that checks receipts. It is the one that evidence
// reports have in them.
const checker = "assets/check.js"

func newAsset(name string, text []byte) asset {
	sum := sha256.Sum256(text)
	return asset{name, contentTypes[path.Ext(name)], `"` + hex.EncodeToString(sum[:8]) + `"`, text}
}

func serve(w http.ResponseWriter, r *http.Request, files map[string]asset) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	file, ok := files[r.URL.Path]
	switch {
	case !ok:
		http.NotFound(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
	default:
		h.Set("Content-Type", file.contentType)
		h.Set("Etag", file.tag)
		h.Set("Cache-Control", "no-cache") // asked for each time, answered by 304
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file.text))
	}
}
